#include "board.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <new>

namespace tensorhold::soak {

std::string_view to_string(Op op) {
  constexpr std::array<std::string_view, op_count> names{
      "save",        "save again", "save stopped",   "writer", "edit in room", "edit without room",
      "overwrite",   "replace",    "replace across", "move",   "remove",       "open",
      "open locked", "read",       "copy",           "slice",  "load",         "stream",
      "release",     "close",      "writable",       "lock",   "holders",      "check",
      "fork"};
  return op == Op::count ? "nothing" : names.at(static_cast<std::size_t>(op));
}

std::string_view to_string(Bad bad) {
  constexpr std::array<std::string_view, bad_count> names{"wrong", "lost", "hang", "unexplained"};
  return names.at(static_cast<std::size_t>(bad));
}

std::uint64_t now() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

void Ledger::begin(const State& next, Newcomer from) {
  states.at(1 - which.load()) = next;
  newcomer = from;
  doubt.store(Doubt::either);
}

void Ledger::commit() {
  which.store(1 - which.load());
  doubt.store(Doubt::none);
}

void Board::report(Bad kind, const std::string& text) {
  bad.at(static_cast<std::size_t>(kind)) += 1;
  const std::uint64_t index = found.fetch_add(1);
  if (index >= findings.size()) return;
  Finding& finding = findings.at(index);
  finding.bad = kind;
  const std::size_t length = std::min(text.size(), finding.text.size() - 1);
  std::copy_n(text.begin(), length, finding.text.begin());
  finding.ready.store(true);
}

std::uint64_t Board::all_bad() const {
  std::uint64_t sum = 0;
  for (const auto& one : bad) sum += one;
  return sum;
}

std::uint64_t Board::all_ops() const {
  std::uint64_t sum = 0;
  for (const auto& one : ops) sum += one;
  return sum;
}

Board* make_board() {
  void* memory =
      ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : new (memory) Board();
}

}  // namespace tensorhold::soak
