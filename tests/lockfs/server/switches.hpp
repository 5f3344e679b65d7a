// The bad habits of lockfs: one table for the command line and the control file.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace tensorhold::lockfs {

struct Switches {
  bool sharing = false;
  bool deny_write = false;
  bool no_mmap = false;
  bool no_truncate = false;
  bool no_rename = false;
  bool no_preallocate = false;
  bool no_fsync = false;
  bool no_attributes = false;
  bool short_reads = false;
  bool short_writes = false;
  bool eio_fsync = false;
  bool eio_fsyncdir = false;
  bool fsync_loses = false;
  bool eio_close = false;
  std::optional<std::uint64_t> scanner_us;
  std::optional<std::uint64_t> latency_us;
  std::optional<std::uint64_t> eintr_every;
  std::optional<std::uint64_t> enospc_after;
  std::optional<std::uint64_t> eio_at;
  std::optional<std::uint64_t> eio_write_at;

  /// Files bypass the page cache: reads reach the caller as this filesystem answers them.
  [[nodiscard]] bool direct() const { return no_mmap || short_reads; }
  /// Sets one switch: `on` or `off`, or a number where it takes one. False: not understood.
  bool set(std::string_view name, std::string_view value);
  /// `NAME VALUE` of every switch, a line each.
  [[nodiscard]] std::string text() const;
};

/// The switches as they are now. Safe to use from several threads.
class Settings {
 public:
  explicit Settings(const Switches& switches) : switches_(switches) {}
  [[nodiscard]] Switches now() const {
    const std::lock_guard lock(mutex_);
    return switches_;
  }
  /// Takes lines as text() writes them; all of them, or none and false.
  bool change(std::string_view lines);

 private:
  mutable std::mutex mutex_;
  Switches switches_;
};

struct CommandLine {
  Switches switches;
  bool background = false;
  std::string mountpoint;
  std::string backing;
};

/// The command line, or nothing after saying on standard error what is wrong with it. `--help` ends
/// the process.
std::optional<CommandLine> parse_command_line(int argc, char** argv);

}  // namespace tensorhold::lockfs
