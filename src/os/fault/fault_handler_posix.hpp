// One signal handler of ours among those of others.
#pragma once

#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>

namespace tensorhold::os {

/// Installs a handler over whatever is there, and passes on to it. Must be constant-initialised
/// and live for ever; there may be several for one signal, and more in another copy of this library
/// in the process. install() and remove() are thread-safe; the others are safe in a handler.
///
/// Others put theirs over ours, and we ours over that, any number of times: the same handler below
/// ours counts once. A fault that was passed on and comes back goes to the next one, and after the
/// last the system acts: no fault goes around for ever.
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
  // Different handlers that were found below ours.
  static constexpr std::size_t most = 16;
  struct Before {
    struct ::sigaction action {};
    std::atomic<bool> spent = false;  // was to be called once only (SA_RESETHAND), and was
  };

  void call(Before& before, siginfo_t* info, void* context) noexcept;
  void let_system_act(const siginfo_t* info) const noexcept;
  [[nodiscard]] Before* before_at(std::size_t level) noexcept;
  [[nodiscard]] bool put_below(const struct ::sigaction& action) noexcept;
  [[nodiscard]] bool reached_from(const struct ::sigaction& top) const noexcept;
  [[nodiscard]] bool is(const struct ::sigaction& action) const noexcept {
    return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == function_;
  }

  int signal_;
  Function function_;
  std::array<Before, most> before_{};      // written before count_ counts it, then only `spent`
  std::atomic<std::size_t> count_ = 0;     // never less: a thread may be in the handler
  std::atomic<std::size_t> directly_ = 0;  // which of them is below ours now
};

}  // namespace tensorhold::os
