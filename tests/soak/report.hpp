// What a soak says at its end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "board.hpp"

namespace tensorhold::soak {

struct Outcome {
  std::string place;
  std::uint64_t seconds = 0;
  const Board* board = nullptr;
};

/// A table for people, at most 80 columns, with each distinct finding once.
[[nodiscard]] std::string table(const std::vector<Outcome>& outcomes, std::uint64_t seed);
[[nodiscard]] std::string json(const std::vector<Outcome>& outcomes, std::uint64_t seed);

}  // namespace tensorhold::soak
