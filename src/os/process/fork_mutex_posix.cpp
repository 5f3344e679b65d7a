#include <pthread.h>
#include <sched.h>

#include <array>
#include <chrono>
#include <new>
#include <thread>

#include "os/process/fork_mutex.hpp"
#include "os/process/stay_loaded.hpp"

namespace tensorhold::os {

constinit thread_local ForkGate::Thread* ForkGate::mine_ = nullptr;
constinit std::atomic<bool> ForkGate::forking_ = false;
constinit std::atomic<std::uint64_t> ForkGate::forks_ = 0;

namespace {

using Thread = ForkGate::Thread;

// The list of all that threads ever took: none is ever freed, a thread that ends leaves its own to
// the next. The first one is for those that get none.
constinit Thread shared_by_all{.shared = true};
constinit std::array<Thread, 64> first_threads{};
constinit std::atomic<Thread*> others = nullptr;

template <class Action>
void for_all(const Action& action) noexcept {
  action(shared_by_all);
  for (Thread& one : first_threads) action(one);
  for (Thread* one = others.load(); one != nullptr; one = one->next.load()) action(*one);
}

bool take(Thread& one) noexcept {
  return !one.shared && !one.taken.load(std::memory_order_relaxed) && !one.taken.exchange(true);
}

Thread* take_any() noexcept {
  Thread* found = nullptr;
  for_all([&](Thread& one) {
    if (found == nullptr && take(one)) found = &one;
  });
  if (found != nullptr) return found;
  auto* const made = new (std::nothrow) Thread;
  if (made == nullptr) return nullptr;
  made->taken.store(true);
  Thread* head = others.load();
  do made->next.store(head);
  while (!others.compare_exchange_weak(head, made));
  return made;
}

/// Looks again and again until it is so; the first looks without giving up the processor for long.
template <class Condition>
void wait_until(const Condition& is_so) noexcept {
  for (int looks = 0; !is_so(); ++looks) {
    if (looks < 64)
      (void)::sched_yield();
    else
      std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

}  // namespace

/// What the C library calls around each fork.
struct ForkHandlers {
  // Created once each; a thread that finds somebody at it goes without.
  static constinit pthread_key_t key;
  static constinit std::atomic<bool> key_begun;
  static constinit std::atomic<bool> key_made;
  static constinit std::atomic<bool> registered;

  static bool install() noexcept {
    if (!registered.exchange(true) && ::pthread_atfork(prepare, end_in_parent, end_in_child) != 0)
      registered.store(false);  // no memory: the next thread tries again
    if (!key_begun.exchange(true)) key_made.store(::pthread_key_create(&key, end_of_thread) == 0);
    return key_made.load();
  }

  static void end_of_thread(void* thread) noexcept {
    ForkGate::mine_ = nullptr;
    static_cast<Thread*>(thread)->taken.store(false);
  }

  static void prepare() noexcept {
    Thread& me = ForkGate::thread();
    // A fork by a signal handler in the middle of a section: others may wait for the end of that
    // section, so that nobody can wait for them. Such a child may only call exec.
    if (!me.shared && me.sections.load() != 0) {
      me.sections.fetch_add(1);
      return;
    }
    // In no section: the fork of another thread, which is waited for here, waits for those.
    wait_until([] { return !ForkGate::forking_.exchange(true); });
    // What other fork handlers call passes, as a section inside this one.
    me.sections.fetch_add(1);
    for_all([&](Thread& one) {
      if (&one == &me && !me.shared) return;
      const std::uint32_t ours = &one == &me ? 1 : 0;
      wait_until([&] { return one.sections.load() == ours; });
    });
  }
  static void end_in_parent() noexcept {
    Thread& me = ForkGate::thread();
    ForkGate::leave();
    if (me.shared || me.sections.load() == 0) ForkGate::forking_.store(false);
  }
  static void end_in_child() noexcept {
    Thread* const me = &ForkGate::thread();
    for_all([&](Thread& one) {
      if (&one != me) one.sections.store(0), one.taken.store(false);
    });
    ForkGate::leave();
    ForkGate::forks_.fetch_add(1);
    ForkGate::forking_.store(false);
  }
};
constinit pthread_key_t ForkHandlers::key = 0;
constinit std::atomic<bool> ForkHandlers::key_begun = false;
constinit std::atomic<bool> ForkHandlers::key_made = false;
constinit std::atomic<bool> ForkHandlers::registered = false;

namespace {

// Before there are threads, as a rule: nobody forks then while another thread is in install().
[[maybe_unused]] const bool installed_early = [] {
  stay_loaded();
  return ForkHandlers::install();
}();

}  // namespace

ForkGate::Thread& ForkGate::new_thread() noexcept {
  Thread* taken = ForkHandlers::install() ? take_any() : nullptr;
  if (taken != nullptr && ::pthread_setspecific(ForkHandlers::key, taken) != 0) {
    taken->taken.store(false);
    taken = nullptr;
  }
  mine_ = taken != nullptr ? taken : &shared_by_all;
  return *mine_;
}

void ForkGate::wait() noexcept {
  wait_until([] { return !forking_.load(); });
}

void ForkMutex::wait() noexcept {
  while (state_.exchange(waited_for) != open) state_.wait(waited_for);
}

}  // namespace tensorhold::os
