// A mounted lockfs (tests/lockfs/README.md) for one test, gone at its end however it ends.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/scratch.hpp"

namespace tensorhold::test {

class LockFs {
 public:
  /// Numbers of one file, or of all.
  struct Counts {
    std::uint64_t held = 0;    ///< handles kept by a descriptor or a mapping
    std::uint64_t closed = 0;  ///< of these, those with a closed descriptor: mappings, duplicates
    std::uint64_t opens = 0;
    std::uint64_t reads = 0;
    std::uint64_t bytes_read = 0;
    std::uint64_t writes = 0;
    std::uint64_t bytes_written = 0;
  };

  /// Why this machine cannot mount one; empty when it can.
  static std::string unavailable() {
    if (::access("/dev/fuse", R_OK | W_OK) != 0) return "no /dev/fuse for this user";
    return "";
  }

  /// `switches` as on the command line, such as "--sharing".
  explicit LockFs(const std::vector<std::string>& switches = {}) {
    std::filesystem::create_directory(backing());
    std::filesystem::create_directory(path());
    std::vector<std::string> words{TENSORHOLD_LOCKFS};
    words.insert(words.end(), switches.begin(), switches.end());
    words.insert(words.end(), {path().string(), backing().string()});
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const pid_t parent = ::getpid();
    daemon_ = ::fork();
    if (daemon_ == 0) {
      // A test that is killed takes its filesystem with it.
      (void)::prctl(PR_SET_PDEATHSIG, SIGTERM);
      if (::getppid() == parent) (void)::execv(arguments[0], arguments.data());
      ::_exit(127);
    }
    for (int tries = 0; !mounted(); ++tries) {
      if (daemon_ < 0 || ended() || tries > kTries) {
        stop();
        throw std::runtime_error("lockfs could not be mounted");
      }
      std::this_thread::sleep_for(kPause);
    }
  }
  LockFs(const LockFs&) = delete;
  LockFs& operator=(const LockFs&) = delete;
  ~LockFs() { stop(); }

  /// The folder as the filesystem shows it, and the one that it is over.
  [[nodiscard]] std::filesystem::path path() const { return scratch_ / "mount"; }
  [[nodiscard]] std::filesystem::path backing() const { return scratch_ / "backing"; }
  [[nodiscard]] std::string operator/(const std::string& name) const {
    return (path() / name).string();
  }
  [[nodiscard]] pid_t daemon() const { return daemon_; }

  /// Sets a switch from now on: "on", "off" or a number.
  void set(const std::string& name, const std::string& value = "on") const {
    const std::string line = name + " " + value;
    const int file = ::open((*this / ".lockfs-control").c_str(), O_WRONLY | O_CLOEXEC);
    const bool taken =
        file >= 0 && ::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    if (file >= 0) (void)::close(file);
    if (!taken) throw std::runtime_error("lockfs does not take \"" + line + "\"");
  }
  void set(const std::string& name, std::uint64_t value) const { set(name, std::to_string(value)); }

  /// Ends every failure.
  void all_off() const {
    std::istringstream control(read_file(*this / ".lockfs-control"));
    std::string name;
    for (std::string value; control >> name >> value;) set(name, "off");
  }

  /// Counts of the file that was called `name` when it was opened; of all files without a name.
  [[nodiscard]] Counts stats(const std::string& name = "") const {
    const std::string all = read_file(*this / ".lockfs-stats");
    const std::string head = "\"" + name + "\": {";
    const std::size_t found = name.empty() ? 0 : all.find(head);
    if (found == std::string::npos) return {};
    const std::size_t at = name.empty() ? 0 : found + head.size();
    const auto number = [&](const char* member) -> std::uint64_t {
      const std::string key = std::string("\"") + member + "\": ";
      return std::stoull(all.substr(all.find(key, at) + key.size()));
    };
    return {number("held"),       number("closed"), number("opens"),        number("reads"),
            number("bytes_read"), number("writes"), number("bytes_written")};
  }

 private:
  static constexpr auto kPause = std::chrono::milliseconds(5);
  static constexpr int kTries = 2000;

  [[nodiscard]] bool mounted() const {
    return ::access((*this / ".lockfs-control").c_str(), F_OK) == 0;
  }
  /// Whether the daemon has ended; it is no child any more then.
  bool ended() {
    if (daemon_ > 0 && ::waitpid(daemon_, nullptr, WNOHANG) == daemon_) daemon_ = -1;
    return daemon_ <= 0;
  }
  void stop() {
    for (int tries = 0; !ended(); ++tries) {
      // Again and again: the loop of libfuse can miss a signal just before it waits.
      (void)::kill(daemon_, tries < kTries ? SIGTERM : SIGKILL);
      std::this_thread::sleep_for(kPause);
    }
    if (mounted()) (void)::umount2(path().c_str(), MNT_DETACH);
  }

  Scratch scratch_;
  pid_t daemon_ = -1;
};

}  // namespace tensorhold::test

/// Skips the test, with the reason, where lockfs cannot be mounted.
#define TENSORHOLD_NEEDS_LOCKFS()                                                 \
  do {                                                                            \
    const std::string lockfs_missing = ::tensorhold::test::LockFs::unavailable(); \
    if (!lockfs_missing.empty()) GTEST_SKIP() << lockfs_missing;                  \
  } while (false)
