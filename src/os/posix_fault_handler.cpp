#include "os/posix_fault_handler.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace tensorhold::os {
namespace {

constexpr std::size_t most_of_ours = 4;

// The fault that this thread is passing on, for each of ours. It comes back when a handler over
// ours, which we passed it to, passes it to us in turn: then the next older one has it. Of this
// model because a handler must not allocate.
struct Passing {
  const siginfo_t* info = nullptr;
  std::size_t level = 0;
};
[[gnu::tls_model("initial-exec")]] constinit thread_local std::array<Passing, most_of_ours>
    passing{};

// The process whose turn it is to change what is installed; 0: nobody's.
constinit std::atomic<pid_t> taken = 0;

/// A turn. A child that was forked in the middle of somebody's takes it over.
class Turn {
 public:
  Turn() noexcept {
    const pid_t self = ::getpid();
    for (pid_t seen = 0; !taken.compare_exchange_strong(seen, self); seen = 0) {
      if (seen != self && taken.compare_exchange_strong(seen, self)) return;
      (void)::sched_yield();
    }
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() { taken.store(0); }
};

// All that were ever installed; changed in a Turn.
constinit std::array<FaultHandler*, most_of_ours> ours{};

}  // namespace

bool FaultHandler::reached_from(const struct ::sigaction& top) const noexcept {
  const struct ::sigaction* at = &top;
  for (std::size_t steps = 0; steps <= ours.size(); ++steps) {
    if (is(*at)) return true;
    const auto* const over = std::ranges::find_if(ours, [&](const FaultHandler* handler) {
      return handler != nullptr && handler->signal_ == signal_ && handler->is(*at);
    });
    if (over == ours.end() || (*over)->count_.load() == 0) return false;
    at = &(*over)->before_[(*over)->count_.load() - 1].action;
  }
  return false;
}

int FaultHandler::install() noexcept {
  struct ::sigaction current {};
  if (::sigaction(signal_, nullptr, &current) != 0) return errno;
  if (is(current)) return 0;
  const Turn turn;
  if (::sigaction(signal_, nullptr, &current) != 0) return errno;
  const std::size_t count = count_.load();
  if (reached_from(current)) return 0;
  if (count == most) return EAGAIN;
  if (std::ranges::find(ours, this) == ours.end()) {
    auto* const free = std::ranges::find(ours, nullptr);
    if (free == ours.end()) return EAGAIN;
    number_ = static_cast<std::size_t>(free - ours.begin());
    *free = this;
  }
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
  const Turn turn;
  struct ::sigaction current {};
  const std::size_t count = count_.load();
  if (count == 0 || ::sigaction(signal_, nullptr, &current) != 0 || !is(current)) return;
  Before& before = before_[count - 1];
  if (before.spent.load()) before.action.sa_handler = SIG_DFL;
  // The entry stays readable for a thread that is in the handler at this moment.
  if (::sigaction(signal_, &before.action, nullptr) == 0) count_.store(count - 1);
}

void FaultHandler::pass_on(siginfo_t* info, void* context) noexcept {
  Passing& mine = passing[number_];
  const Passing outer = mine;
  const std::size_t count = std::max<std::size_t>(count_.load(), 1);
  const std::size_t level = outer.info == info ? std::min(outer.level + 1, count - 1) : 0;
  mine = {info, level};
  call(before_[count - 1 - level], info, context);
  mine = outer;
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
