// One place under attack: starts the workers, kills, stops and watches them, switches failures on
// and off, and has files judged.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "board.hpp"
#include "place.hpp"

namespace tensorhold::soak {

/// Harmless changes from outside that the soak has to find; for its own tests.
enum class Plant : std::uint8_t { none, wrong_byte, lost_file, hang, odd_error, leftover, crash };

struct Attack {
  Setup setup;
  std::uint64_t seconds = 60;
  std::uint64_t hang_seconds = 60;
  Plant plant = Plant::none;
  bool progress = false;
};

/// Attacks the place, and returns the board with all that was counted and found.
[[nodiscard]] Board* attack(const Place& place, const Attack& attack);

/// Whether the run was interrupted; attacks end early then.
[[nodiscard]] bool interrupted();
/// From now on SIGINT, SIGTERM and SIGHUP end the attack in order.
void watch_signals();

}  // namespace tensorhold::soak
