#include "failures.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <limits>

namespace tensorhold::soak {
namespace {

struct Switch {
  const char* name;
  Fault fault;         ///< Fault::count: nothing may fail because of it
  std::uint64_t most;  ///< 0: takes no number
};

constexpr std::array switches{
    Switch{"enospc-after", Fault::full, 400'000},
    Switch{"eio-write-at", Fault::write_error, 300'000},
    Switch{"eio-at", Fault::read_error, 300'000},
    Switch{"eio-fsync", Fault::sync_error, 0},
    Switch{"eio-fsyncdir", Fault::folder_sync_error, 0},
    Switch{"no-fsync", Fault::no_sync, 0},
    Switch{"no-rename", Fault::no_rename, 0},
    Switch{"deny-write", Fault::deny_write, 0},
    Switch{"eio-close", Fault::close_error, 0},
    Switch{"short-writes", Fault::count, 0},
    Switch{"eintr-every", Fault::interrupted, 7},
    Switch{"latency-us", Fault::count, 2000},
    Switch{"no-attributes", Fault::count, 0},
    Switch{"no-preallocate", Fault::count, 0},
    Switch{"no-truncate", Fault::count, 0},
};

}  // namespace

void Failures::set(const std::string& lines) {
  const int file = ::open(control_.c_str(), O_WRONLY | O_CLOEXEC);
  const bool taken =
      file >= 0 && ::write(file, lines.data(), lines.size()) == static_cast<ssize_t>(lines.size());
  if (file >= 0) (void)::close(file);
  if (!taken) board_.report(Bad::unexplained, "the control file does not take: " + lines);
}

void Failures::turn() {
  if (control_.empty()) return;
  if (on_) return all_off();
  const Switch& chosen = switches.at(random_.below(switches.size()));
  if (chosen.fault != Fault::count)
    board_.active_until.at(static_cast<std::size_t>(chosen.fault)) =
        std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t value = chosen.most == 0 ? 0 : 2 + random_.below(chosen.most);
  set(std::string(chosen.name) + " " + (chosen.most == 0 ? "on" : std::to_string(value)) + "\n");
  on_ = true;
}

void Failures::all_off() {
  if (control_.empty()) return;
  std::string lines;
  for (const Switch& one : switches) lines += std::string(one.name) + " off\n";
  set(lines);
  // A file may still have what a failure left in it until the requests under way have ended; they
  // began before this moment.
  for (auto& until : board_.active_until)
    if (until == std::numeric_limits<std::uint64_t>::max()) until = now();
  on_ = false;
}

}  // namespace tensorhold::soak
