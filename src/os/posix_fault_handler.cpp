#include "os/posix_fault_handler.hpp"

#include <algorithm>
#include <cerrno>

namespace tensorhold::os {
namespace {

// The fault that this thread is passing on. It comes back when a handler over ours, which we passed
// it to, passes it to us in turn: then the next older one has it. Of this model because a handler
// must not allocate.
struct Passing {
  const siginfo_t* info = nullptr;
  std::size_t level = 0;
};
[[gnu::tls_model("initial-exec")]] constinit thread_local Passing passing;

}  // namespace

int FaultHandler::install() noexcept {
  struct ::sigaction current {};
  if (::sigaction(signal_, nullptr, &current) != 0) return errno;
  const std::size_t count = count_.load();
  if ((current.sa_flags & SA_SIGINFO) != 0 && current.sa_sigaction == function_) return 0;
  if (count == most) return EAGAIN;
  before_[count].action = current;
  before_[count].spent.store(false);
  struct ::sigaction wanted = current;
  wanted.sa_sigaction = function_;
  wanted.sa_flags = (current.sa_flags & ~static_cast<int>(SA_RESETHAND)) | SA_SIGINFO | SA_ONSTACK;
  count_.store(count + 1);
  if (::sigaction(signal_, &wanted, nullptr) == 0) return 0;
  const int error = errno;
  count_.store(count);
  return error;
}

void FaultHandler::remove() noexcept {
  struct ::sigaction current {};
  const std::size_t count = count_.load();
  if (count == 0 || ::sigaction(signal_, nullptr, &current) != 0) return;
  if ((current.sa_flags & SA_SIGINFO) == 0 || current.sa_sigaction != function_) return;
  Before& before = before_[count - 1];
  if (before.spent.load()) before.action.sa_handler = SIG_DFL;
  // The entry stays readable for a thread that is in the handler at this moment.
  if (::sigaction(signal_, &before.action, nullptr) == 0) count_.store(count - 1);
}

void FaultHandler::pass_on(siginfo_t* info, void* context) noexcept {
  const Passing outer = passing;
  const std::size_t count = std::max<std::size_t>(count_.load(), 1);
  const std::size_t level = outer.info == info ? std::min(outer.level + 1, count - 1) : 0;
  passing = {info, level};
  call(before_[count - 1 - level], info, context);
  passing = outer;
}

void FaultHandler::call(Before& before, siginfo_t* info, void* context) noexcept {
  const struct ::sigaction& action = before.action;
  const bool sent = info->si_code <= 0;  // by somebody: no access will repeat it
  const bool function = (action.sa_flags & SA_SIGINFO) != 0 ||
                        (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN);
  const bool once = (action.sa_flags & static_cast<int>(SA_RESETHAND)) != 0;
  if (function && !(once && before.spent.exchange(true))) {
    if ((action.sa_flags & SA_SIGINFO) != 0) return action.sa_sigaction(signal_, info, context);
    return action.sa_handler(signal_);
  }
  if (!function && action.sa_handler == SIG_IGN && sent) return;
  // The access is tried again, and the system ends the process, also where faults are ignored.
  struct ::sigaction fallback {};
  fallback.sa_handler = SIG_DFL;
  (void)::sigaction(signal_, &fallback, nullptr);
  if (sent) (void)::raise(signal_);
}

}  // namespace tensorhold::os
