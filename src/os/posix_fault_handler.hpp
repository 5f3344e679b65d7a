// One signal handler of ours among those of others.
#pragma once

#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>

namespace tensorhold::os {

/// Installs a handler over whatever is there, and passes on to it. Must be constant-initialised
/// and live for ever; there may be several for one signal. install() and remove() are thread-safe,
/// also in a child that was forked in the middle of one; the others are safe in a handler.
class FaultHandler {
 public:
  using Function = void (*)(int, siginfo_t*, void*);
  constexpr FaultHandler(int signal, Function function) noexcept
      : signal_(signal), function_(function) {}

  /// Makes `function` the handler, unless it is or handlers of ours over it pass on to it; 0, or
  /// errno. Alternate stacks are used, and the mask and the flags are those of the handler before.
  /// Cheap where it is the handler: may be called before each access that needs it.
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
  [[nodiscard]] bool reached_from(const struct ::sigaction& top) const noexcept;
  [[nodiscard]] bool is(const struct ::sigaction& action) const noexcept {
    return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == function_;
  }

  int signal_;
  Function function_;
  std::size_t number_ = 0;             // among all of ours; written before the first sigaction()
  std::array<Before, most> before_{};  // oldest first; written before count_ counts it
  std::atomic<std::size_t> count_ = 0;
};

}  // namespace tensorhold::os
