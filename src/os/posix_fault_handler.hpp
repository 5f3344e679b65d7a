// One signal handler of ours among those of others.
#pragma once

#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>

namespace tensorhold::os {

/// Installs a handler over whatever is there, and passes on to it. Must be constant-initialised
/// and live for ever. install() and remove() are for one thread at a time, the others are safe in a
/// handler.
class FaultHandler {
 public:
  using Function = void (*)(int, siginfo_t*, void*);
  constexpr FaultHandler(int signal, Function function) noexcept
      : signal_(signal), function_(function) {}

  /// Makes `function` the handler if it is not; 0, or errno. Alternate stacks are used, and the
  /// mask and the flags are those of the handler before.
  [[nodiscard]] int install() noexcept;
  /// Puts the handler before back, unless another one was installed over ours.
  void remove() noexcept;

  /// Does what would have been done without us: calls the handler before with what it asked for, or
  /// lets the system act.
  void pass_on(siginfo_t* info, void* context) noexcept;

 private:
  // More than one when somebody installed another over ours and we another over that.
  static constexpr std::size_t most = 8;
  struct Before {
    struct ::sigaction action {};
    std::atomic<bool> spent = false;  // was to be called once only (SA_RESETHAND), and was
  };

  void call(Before& before, siginfo_t* info, void* context) noexcept;

  int signal_;
  Function function_;
  std::array<Before, most> before_{};  // oldest first; written before count_ counts it
  std::atomic<std::size_t> count_ = 0;
};

}  // namespace tensorhold::os
