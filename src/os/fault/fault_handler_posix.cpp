#include "os/fault/fault_handler_posix.hpp"

#include <ucontext.h>

#include <algorithm>
#include <cerrno>
#include <mutex>

#include "os/process/fork_mutex.hpp"

namespace tensorhold::os {
namespace {

// Who is passing a fault on, in the stack of the calls that handle it. The system begins uc_link of
// each fault with null and looks at it no more, so it is where the list begins: a handler that is
// left by a jump leaves nothing behind. Copies of this library share the list: the form is fixed.
struct Passing {
  const void* by;
  std::size_t level;  // which of those below it has the fault
  Passing* outer;
};

Passing* passing_in(const ucontext_t* context) noexcept {
  return context == nullptr ? nullptr : reinterpret_cast<Passing*>(context->uc_link);
}

void set_passing(ucontext_t* context, Passing* innermost) noexcept {
  if (context != nullptr) context->uc_link = reinterpret_cast<ucontext_t*>(innermost);
}

// Held while it is changed what is installed.
constinit ForkMutex changing;

// All that were ever installed; changed under `changing`.
constinit std::array<FaultHandler*, 4> ours{};

bool same(const struct ::sigaction& a, const struct ::sigaction& b) noexcept {
  if (a.sa_flags != b.sa_flags) return false;
  if ((a.sa_flags & SA_SIGINFO) != 0 ? a.sa_sigaction != b.sa_sigaction
                                     : a.sa_handler != b.sa_handler)
    return false;
  // One by one: of the bytes of a mask the system fills only some.
  for (int signal = 1; signal < NSIG; ++signal)
    if (::sigismember(&a.sa_mask, signal) != ::sigismember(&b.sa_mask, signal)) return false;
  return true;
}

}  // namespace

bool FaultHandler::reached_from(const struct ::sigaction& top) const noexcept {
  const struct ::sigaction* at = &top;
  for (std::size_t steps = 0; steps <= ours.size(); ++steps) {
    if (is(*at)) return true;
    const auto* const over = std::ranges::find_if(ours, [&](const FaultHandler* handler) {
      return handler != nullptr && handler->signal_ == signal_ && handler->is(*at);
    });
    if (over == ours.end() || (*over)->count_.load() == 0) return false;
    at = &(*over)->before_[(*over)->directly_.load()].action;
  }
  return false;
}

/// False: there is no room for one more. Under `changing`.
bool FaultHandler::put_below(const struct ::sigaction& action) noexcept {
  const std::size_t count = count_.load();
  std::size_t at = 0;
  while (at < count && !same(before_[at].action, action)) ++at;
  if (at == before_.size()) return false;
  if (at == count) {
    before_[at].action = action;
    count_.store(count + 1);
  }
  before_[at].spent.store(false);
  directly_.store(at);
  return true;
}

int FaultHandler::install() noexcept {
  struct ::sigaction current {};
  if (::sigaction(signal_, nullptr, &current) != 0) return errno;
  if (is(current)) return 0;
  const std::lock_guard lock(changing);
  if (::sigaction(signal_, nullptr, &current) != 0) return errno;
  if (reached_from(current)) return 0;
  if (std::ranges::find(ours, this) == ours.end()) {
    auto* const free = std::ranges::find(ours, nullptr);
    if (free == ours.end()) return EAGAIN;
    *free = this;
  }
  if (!put_below(current)) return EAGAIN;
  struct ::sigaction wanted = current;
  wanted.sa_sigaction = function_;
  wanted.sa_flags = (current.sa_flags & ~static_cast<int>(SA_RESETHAND)) | SA_SIGINFO | SA_ONSTACK;
  struct ::sigaction replaced {};
  if (::sigaction(signal_, &wanted, &replaced) != 0) return errno;
  // Others, for example another copy of this library, do not wait for `changing`.
  if (!same(replaced, current) && !is(replaced)) (void)put_below(replaced);
  return 0;
}

void FaultHandler::remove() noexcept {
  const std::lock_guard lock(changing);
  struct ::sigaction current {};
  const std::size_t count = count_.load();
  if (count == 0 || ::sigaction(signal_, nullptr, &current) != 0 || !is(current)) return;
  const std::size_t below = directly_.load();
  struct ::sigaction action = before_[below].action;
  if (before_[below].spent.load()) action.sa_handler = SIG_DFL;
  if (::sigaction(signal_, &action, nullptr) != 0) return;
  // That one may pass on to us, who were below it once: then another is next.
  if (count > 1) directly_.store(below == count - 1 ? count - 2 : count - 1);
}

/// The one that has a fault first is directly below, then come the others from the newest on; null
/// after the last.
FaultHandler::Before* FaultHandler::before_at(std::size_t level) noexcept {
  const std::size_t count = count_.load();
  const std::size_t first = directly_.load();
  if (level >= count) return nullptr;
  if (level == 0) return &before_[first];
  const std::size_t at = count - level;  // of those without the first
  return &before_[at > first ? at : at - 1];
}

void FaultHandler::pass_on(siginfo_t* info, void* context) noexcept {
  auto* const interrupted = static_cast<ucontext_t*>(context);
  Passing* const outer = passing_in(interrupted);
  const Passing* mine = outer;
  while (mine != nullptr && mine->by != this) mine = mine->outer;
  Passing passing{this, mine == nullptr ? 0 : mine->level + 1, outer};
  Before* const before = before_at(passing.level);
  if (before == nullptr) return let_system_act(info);
  set_passing(interrupted, &passing);
  call(*before, info, context);
  set_passing(interrupted, outer);
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
  let_system_act(info);
}

/// The access is tried again, and the system ends the process, also where faults are ignored.
void FaultHandler::let_system_act(const siginfo_t* info) const noexcept {
  struct ::sigaction fallback {};
  fallback.sa_handler = SIG_DFL;
  (void)::sigaction(signal_, &fallback, nullptr);
  if (info->si_code <= 0) (void)::raise(signal_);
}

}  // namespace tensorhold::os
