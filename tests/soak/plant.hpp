// Changes from outside that a soak has to find.
#pragma once

#include <sys/types.h>

#include "place.hpp"
#include "supervisor.hpp"

namespace tensorhold::soak {

/// Plants a fault; false: not at this moment, because what it changes is not there.
[[nodiscard]] bool plant_fault(const Place& place, Plant plant, pid_t worker);

}  // namespace tensorhold::soak
