#include "lockfs/server/switches.hpp"

#include <getopt.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <variant>
#include <vector>

namespace tensorhold::lockfs {
namespace {

using Number = std::optional<std::uint64_t>;

struct Switch {
  const char* name;
  std::variant<bool Switches::*, Number Switches::*> member;
  const char* help;

  [[nodiscard]] bool takes_number() const { return member.index() == 1; }
};

const std::array kSwitches{
    Switch{"sharing", &Switches::sharing,
           "while a file is open or mapped anywhere: unlink and rename onto it fail with EACCES, "
           "shrinking and O_TRUNC with EBUSY"},
    Switch{"deny-write", &Switches::deny_write,
           "while a file is open or mapped anywhere: opening it to write fails with ETXTBSY"},
    Switch{"scanner-us", &Switches::scanner_us,
           "a closed file stays held for N microseconds more, as by a virus scanner: for sharing, "
           "and it cannot be renamed itself"},
    Switch{"no-mmap", &Switches::no_mmap,
           "shared mappings fail with ENODEV (private ones are the kernel's own affair)"},
    Switch{"no-truncate", &Switches::no_truncate,
           "setting a size, and O_TRUNC on a file that exists, fail with EPERM"},
    Switch{"no-rename", &Switches::no_rename, "rename fails with EPERM"},
    Switch{"no-preallocate", &Switches::no_preallocate, "fallocate fails with EOPNOTSUPP"},
    Switch{"no-attributes", &Switches::no_attributes,
           "setting owner, mode and times fails with EPERM"},
    Switch{"no-fsync", &Switches::no_fsync, "fsync of files and folders fails with EINVAL"},
    Switch{"eio-fsync", &Switches::eio_fsync, "fsync of files fails with EIO"},
    Switch{
        "fsync-loses", &Switches::fsync_loses,
        "the first fsync of a file fails with EIO, and what was written to it reads as zeros from "
        "then on; later ones succeed"},
    Switch{"eio-fsyncdir", &Switches::eio_fsyncdir, "fsync of folders fails with EIO"},
    Switch{"eio-close", &Switches::eio_close, "close fails with EIO (the descriptor is closed)"},
    Switch{"eio-at", &Switches::eio_at, "reads that cover byte N of a file fail with EIO"},
    Switch{"eio-write-at", &Switches::eio_write_at,
           "writes that cover byte N of a file fail with EIO"},
    Switch{"enospc-after", &Switches::enospc_after,
           "after N bytes written in all, writes fail with ENOSPC"},
    Switch{"eintr-every", &Switches::eintr_every,
           "every Nth open, read, write and fsync fails with EINTR"},
    Switch{"short-reads", &Switches::short_reads,
           "a read brings half of what was asked for (shared mappings: ENODEV)"},
    Switch{"short-writes", &Switches::short_writes, "a write takes half of what was given"},
    Switch{"latency-us", &Switches::latency_us,
           "every read request takes N microseconds longer; requests wait side by side"},
};

void print_help() {
  std::fputs(
      "lockfs [SWITCH...] MOUNTPOINT BACKING\n"
      "Shows the folder BACKING at MOUNTPOINT with the bad habits asked for, until it is unmounted "
      "or\ngets SIGTERM.\n\n",
      stdout);
  for (const Switch& known : kSwitches)
    std::printf("  --%s%s\n        %s\n", known.name, known.takes_number() ? " N" : "", known.help);
  std::fputs(
      "  --background\n        returns when the filesystem is mounted\n\n"
      "MOUNTPOINT/.lockfs-control takes \"NAME on|off|N\" a line, and tells all switches;\n"
      "MOUNTPOINT/.lockfs-stats tells holds and requests as JSON, in all and by file; opening it "
      "with\nO_TRUNC sets the counts of requests to zero.\n",
      stdout);
}

bool take(bool& place, std::string_view value) {
  place = value == "on";
  return place || value == "off";
}

bool take(Number& place, std::string_view value) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  const bool is_number = error == std::errc() && end == value.data() + value.size();
  place = is_number ? Number(number) : std::nullopt;
  return is_number || value == "off";
}

std::string shown(bool value) { return value ? "on" : "off"; }
std::string shown(const Number& value) { return value ? std::to_string(*value) : "off"; }

constexpr int kFirst = 256;  // beyond every letter, for getopt
constexpr int kHelp = kFirst + static_cast<int>(kSwitches.size());
constexpr int kBackground = kHelp + 1;

std::vector<option> options() {
  std::vector<option> all;
  for (const Switch& known : kSwitches)
    all.push_back({known.name, known.takes_number() ? required_argument : no_argument, nullptr,
                   kFirst + static_cast<int>(all.size())});
  all.push_back({"help", no_argument, nullptr, kHelp});
  all.push_back({"background", no_argument, nullptr, kBackground});
  all.push_back({nullptr, 0, nullptr, 0});
  return all;
}

}  // namespace

bool Switches::set(std::string_view name, std::string_view value) {
  const auto known = std::ranges::find(kSwitches, name, [](const Switch& one) { return one.name; });
  return known != kSwitches.end() &&
         std::visit([&](auto member) { return take(this->*member, value); }, known->member);
}

std::string Switches::text() const {
  std::string lines;
  for (const Switch& known : kSwitches)
    lines += std::string(known.name) + " " +
             std::visit([&](auto member) { return shown(this->*member); }, known.member) + "\n";
  return lines;
}

bool Settings::change(std::string_view lines) {
  const std::lock_guard lock(mutex_);
  Switches changed = switches_;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos ||
        !changed.set(line.substr(0, space), line.substr(space + 1)))
      return false;
  }
  switches_ = changed;
  return true;
}

std::optional<CommandLine> parse_command_line(int argc, char** argv) {
  CommandLine line;
  const std::vector<option> known = options();
  for (int which = 0; (which = ::getopt_long(argc, argv, "", known.data(), nullptr)) != -1;) {
    if (which == kHelp) {
      print_help();
      std::exit(0);
    }
    if (which < kFirst) return std::nullopt;  // getopt has said why
    if (which == kBackground) {
      line.background = true;
      continue;
    }
    const Switch& given = kSwitches[static_cast<std::size_t>(which - kFirst)];
    if (!line.switches.set(given.name, given.takes_number() ? optarg : "on")) {
      std::fprintf(stderr, "lockfs: --%s takes a number, not \"%s\"\n", given.name, optarg);
      return std::nullopt;
    }
  }
  if (argc - optind != 2) {
    std::fputs("lockfs: give the mount point and the folder; see --help\n", stderr);
    return std::nullopt;
  }
  line.mountpoint = argv[optind];
  line.backing = argv[optind + 1];
  return line;
}

}  // namespace tensorhold::lockfs
