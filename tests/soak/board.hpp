// What all processes of a soak share: counts, what each thread is doing, what it knows of its own
// files, and what was found wrong. Lies in shared memory, so that it outlives who is killed.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "pattern.hpp"

namespace tensorhold::soak {

enum class Op : std::uint8_t {
  save,
  save_again,
  save_stopped,
  writer,
  edit_in_room,
  edit_without_room,
  overwrite,
  replace,
  replace_across,
  move,
  remove,
  open,
  open_locked,
  read,
  copy,
  slice,
  load,
  stream,
  release,
  close,
  writable,
  lock,
  holders,
  check,
  fork,
  count
};
[[nodiscard]] std::string_view to_string(Op op);
inline constexpr std::size_t op_count = static_cast<std::size_t>(Op::count);

/// What makes an error right that would be wrong elsewhere.
enum class Fault : std::uint8_t {
  sharing,  ///< the filesystem refuses to change files that are held
  full,     ///< no room on the disk
  write_error,
  read_error,
  sync_error,
  folder_sync_error,
  no_sync,  ///< the filesystem cannot sync
  no_rename,
  close_error,
  interrupted,  ///< requests end with EINTR; of a mapped page, that is as if it could not be read
  deny_write,   ///< files that are open cannot be opened for writing
  forked,       ///< a child of this process holds what the process had when it forked
  count
};
inline constexpr std::size_t fault_count = static_cast<std::size_t>(Fault::count);

/// Nanoseconds of a clock that all processes share.
[[nodiscard]] std::uint64_t now();

/// What stands at a path.
struct State {
  bool exists = false;
  HeaderSays says;
  std::array<Stamp, most_tensors> tensors{};
};

/// Where the file comes from that is about to take a name.
enum class Newcomer : std::uint8_t { none, beside, elsewhere };

/// What a thread knows of a file that it has alone. A kill at any moment leaves it readable.
struct Ledger {
  enum class Doubt : std::uint8_t {
    none,    ///< state() stands there
    either,  ///< a change is under way: state() or next() stands there
    next     ///< next() stands there once the file was opened, as an error has promised
  };
  std::array<State, 2> states;
  std::atomic<unsigned> which{0};
  std::atomic<Doubt> doubt{Doubt::none};
  Newcomer newcomer = Newcomer::none;

  [[nodiscard]] const State& state() const { return states.at(which.load()); }
  [[nodiscard]] const State& next() const { return states.at(1 - which.load()); }
  void begin(const State& next, Newcomer from = Newcomer::none);
  void commit();
  void settle(Doubt doubt_left) { doubt.store(doubt_left); }
};

/// One thread of a worker process.
struct Desk {
  std::atomic<std::uint64_t> steps{0};   ///< operations begun; what the watchdog looks at
  std::atomic<std::uint64_t> writes{0};  ///< stamps given out
  std::atomic<Op> op{Op::count};
  std::array<char, 64> file{};
  std::atomic<std::int32_t> child{0};  ///< a forked child that works at this desk now
  Ledger own;
  Ledger forked;
};

inline constexpr std::size_t most_processes = 8;
inline constexpr std::size_t most_threads = 4;

enum class Bad : std::uint8_t { wrong, lost, hang, unexplained, count };
inline constexpr std::size_t bad_count = static_cast<std::size_t>(Bad::count);
[[nodiscard]] std::string_view to_string(Bad bad);

struct Finding {
  std::atomic<bool> ready{false};
  Bad bad = Bad::wrong;
  std::array<char, 2000> text{};
};

struct Board {
  std::array<std::atomic<std::uint64_t>, op_count> ops{};
  std::atomic<std::uint64_t> bytes{0};  ///< of values that were checked
  std::atomic<std::uint64_t> files{0};  ///< that were checked as a whole after kills and at ends
  std::atomic<std::uint64_t> kills{0}, stops{0}, forks{0};
  std::array<std::atomic<std::uint64_t>, 512> errors{};  ///< expected ones, by code
  std::array<std::atomic<std::uint64_t>, bad_count> bad{};
  std::array<std::atomic<std::uint64_t>, fault_count> active_until{};  ///< as now(); max: active
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> found{0};
  std::array<Finding, 200> findings{};
  std::array<Desk, most_processes * most_threads> desks{};

  [[nodiscard]] Desk& desk(std::size_t process, std::size_t thread) {
    return desks.at(process * most_threads + thread);
  }
  /// Whether a fault was active at some moment since `since`.
  [[nodiscard]] bool active(Fault fault, std::uint64_t since) const {
    return active_until.at(static_cast<std::size_t>(fault)).load() >= since;
  }
  void report(Bad kind, const std::string& text);
  [[nodiscard]] std::uint64_t all_bad() const;
  [[nodiscard]] std::uint64_t all_ops() const;
};

/// A board in memory that forked children share; nullptr when there is none.
[[nodiscard]] Board* make_board();

}  // namespace tensorhold::soak
