// The failures of a lockfs: switched on and off while workers work, and known to the table of
// allowed errors.
#pragma once

#include <string>

#include "board.hpp"

namespace tensorhold::soak {

class Failures {
 public:
  /// `control`: the filesystem's control file; empty: there are no failures.
  Failures(Board& board, std::string control, std::uint64_t seed)
      : board_(board), control_(std::move(control)), random_(seed) {}
  /// From time to time: ends the failure that there is, or begins one.
  void turn();
  void all_off();

 private:
  void set(const std::string& lines);

  Board& board_;
  std::string control_;
  Random random_;
  bool on_ = false;
};

}  // namespace tensorhold::soak
