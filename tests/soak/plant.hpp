// Changes from outside that a soak has to find.
#pragma once

#include <sys/types.h>

#include "place.hpp"
#include "supervisor.hpp"

namespace tensorhold::soak {

/// Plants a fault. What it does may be undone before anybody looks, so it is done until it is
/// found.
void plant_fault(const Place& place, Plant plant, pid_t worker);

}  // namespace tensorhold::soak
