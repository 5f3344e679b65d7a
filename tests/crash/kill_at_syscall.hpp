// Kills a process at a chosen system call, as kill -9 or a power cut of the machine would.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <utility>

namespace tensorhold::test {

/// How a run ended.
struct KillOutcome {
  enum class End {
    killed,    ///< at the stop that was asked for
    finished,  ///< the work was done before that stop came
    failed,    ///< the work raised, or its process ended otherwise
    untraced   ///< this machine forbids tracing
  } end = End::failed;
  pid_t pid = 0;   ///< of the process that did the work; gone now
  long call = -1;  ///< number of the system call it was killed at
};

/// Runs `work` in a child and kills that at its stop number `stop` (0 first): every system call
/// makes two stops, one before the kernel does anything and one after it has done all.
[[nodiscard]] KillOutcome kill_at_syscall(const std::function<void()>& work, unsigned stop);

/// Has `run_to` kill at one stop after the other, 0 first, until the work is done before its stop:
/// true then. False: the test has failed, or was skipped because this machine forbids tracing.
[[nodiscard]] bool kill_at_each_stop(const std::function<KillOutcome(unsigned stop)>& run_to);

/// What the kills of one scenario left in a folder whose file "f" was to become another one.
class Remains {
 public:
  /// `old_bytes`: of the file before; empty where there was none.
  Remains(std::string old_bytes, std::string new_bytes)
      : old_bytes_(std::move(old_bytes)), new_bytes_(std::move(new_bytes)) {}

  /// After each run, in order: expects the old file or the new one, whole, and after the first new
  /// one no old one; and beside it only temporaries of the process that was killed, or of
  /// `earlier`. True: the new one.
  bool look(const std::filesystem::path& folder, const KillOutcome& outcome, pid_t earlier = 0);
  /// In the end: both were seen.
  void expect_both_seen() const;

  [[nodiscard]] const std::string& new_bytes() const { return new_bytes_; }
  /// Temporaries that were left, and the system calls that were killed at.
  [[nodiscard]] unsigned left() const { return left_; }
  [[nodiscard]] const std::set<long>& calls() const { return calls_; }

 private:
  std::string old_bytes_;
  std::string new_bytes_;
  unsigned seen_old_ = 0;
  unsigned seen_new_ = 0;
  unsigned left_ = 0;
  std::set<long> calls_;
};

}  // namespace tensorhold::test
