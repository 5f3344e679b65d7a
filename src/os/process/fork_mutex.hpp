// Locks that no child of fork() finds held.
#pragma once

#include <atomic>
#include <cstdint>

namespace tensorhold::os {

#ifdef _WIN32

// Nobody forks there.
inline std::uint64_t forks_before() noexcept { return 0; }
/// std::mutex, constant-initialised, which that is not there. fork_mutex_windows.cpp.
class ForkMutex {
 public:
  constexpr ForkMutex() noexcept = default;
  ForkMutex(const ForkMutex&) = delete;
  ForkMutex& operator=(const ForkMutex&) = delete;
  ~ForkMutex() = default;
  void lock() noexcept;
  [[nodiscard]] bool try_lock() noexcept;
  void unlock() noexcept;

 private:
  void* lock_ = nullptr;  // an SRWLOCK
};
class ForkSection {
 public:
  ForkSection() noexcept {}
  ForkSection(const ForkSection&) = delete;
  ForkSection& operator=(const ForkSection&) = delete;
  ~ForkSection() {}
};

#else

/// A child of fork() has one thread: the one that called it. Whatever the others were at stays as
/// it was at that moment, so a lock that one of them had is never given back, and what it guards
/// may be half changed. A fork therefore waits until no other thread is in a section, and keeps
/// them from beginning one until it is over: a child finds every lock free, and what the locks
/// guard whole.
///
/// A section is the time that a thread has a ForkMutex, or that a ForkSection lives. They nest. In
/// one, nothing may be called that waits for a thread that may be about to fork: no function of the
/// caller's, and nothing that needs Python's interpreter lock. What fork handlers of others call
/// while they stand between ours is let through.
///
/// Each thread counts its sections by itself, so that they cost no more than a plain mutex. All of
/// it is constant-initialised, has nothing to destroy, and may be used in a signal handler that
/// does not interrupt the C library's allocator. Children of vfork(), posix_spawn() and bare
/// clone() calls take no part; they may only call exec.
class ForkGate {
 public:
  struct alignas(64) Thread {
    std::atomic<std::uint32_t> sections = 0;
    std::atomic<bool> taken = false;
    bool shared = false;  // by all threads that could not get one of their own
    std::atomic<Thread*> next = nullptr;
  };

  /// Begins a section; true for one that is in no other, where passes() is to be asked next.
  [[nodiscard]] static bool enter() noexcept {
    Thread& me = thread();
    if (me.shared) return me.sections.fetch_add(1) == 0;
    const std::uint32_t before = me.sections.load(std::memory_order_relaxed);
    me.sections.store(before + 1, std::memory_order_relaxed);
    return before == 0;
  }
  /// After enter() and an atomic read-modify-write (of the lock itself): false while a fork is
  /// under way; then leave(), and wait().
  [[nodiscard]] static bool passes() noexcept {
#if !defined(__x86_64__) && !defined(__i386__)
    // There, the read-modify-write orders the count before what is read here.
    order();
#endif
    return !forking_.load(std::memory_order_seq_cst);
  }
  /// Orders the count before what is read next. Not by a fence, of which ThreadSanitizer knows
  /// nothing.
  static void order() noexcept { (void)thread().sections.fetch_add(0, std::memory_order_seq_cst); }
  static void leave() noexcept {
    Thread& me = thread();
    if (me.shared)
      me.sections.fetch_sub(1);
    else
      me.sections.store(me.sections.load(std::memory_order_relaxed) - 1, std::memory_order_release);
  }
  /// Until no fork is under way.
  static void wait() noexcept;

  [[nodiscard]] static std::uint64_t forks_before() noexcept {
    return forks_.load(std::memory_order_relaxed);
  }

 private:
  friend struct ForkHandlers;
  [[nodiscard]] static Thread& thread() noexcept {
    return mine_ != nullptr ? *mine_ : new_thread();
  }
  [[nodiscard]] static Thread& new_thread() noexcept;

  // Of this model because a signal handler must not allocate.
  [[gnu::tls_model("initial-exec")]] static constinit thread_local Thread* mine_;
  static constinit std::atomic<bool> forking_;
  static constinit std::atomic<std::uint64_t> forks_;
};

/// Forks on the way from the first process to this one. What another process left behind in memory
/// is known by it; process ids come again, and are 1 in every new namespace.
[[nodiscard]] inline std::uint64_t forks_before() noexcept { return ForkGate::forks_before(); }

/// A section without a lock, for work that a child must find done or not begun.
class ForkSection {
 public:
  ForkSection() noexcept {
    while (ForkGate::enter()) {
      ForkGate::order();
      if (ForkGate::passes()) break;
      ForkGate::leave();
      ForkGate::wait();
    }
  }
  ForkSection(const ForkSection&) = delete;
  ForkSection& operator=(const ForkSection&) = delete;
  ~ForkSection() { ForkGate::leave(); }
};

/// std::mutex, with all that is said above. For what a child may use; what only the threads of one
/// call share, which no child can reach, needs none.
class ForkMutex {
 public:
  constexpr ForkMutex() noexcept = default;
  ForkMutex(const ForkMutex&) = delete;
  ForkMutex& operator=(const ForkMutex&) = delete;
  ~ForkMutex() = default;

  void lock() noexcept {
    for (;;) {
      const bool outermost = ForkGate::enter();
      std::uint32_t seen = open;
      if (!state_.compare_exchange_strong(seen, closed)) wait();
      if (!outermost || ForkGate::passes()) return;
      unlock();
      ForkGate::wait();
    }
  }
  [[nodiscard]] bool try_lock() noexcept {
    const bool outermost = ForkGate::enter();
    std::uint32_t seen = open;
    if (!state_.compare_exchange_strong(seen, closed)) {
      ForkGate::leave();
      return false;
    }
    if (!outermost || ForkGate::passes()) return true;
    unlock();
    return false;
  }
  void unlock() noexcept {
    if (state_.exchange(open) == waited_for) state_.notify_one();
    ForkGate::leave();
  }

 private:
  static constexpr std::uint32_t open = 0;
  static constexpr std::uint32_t closed = 1;
  static constexpr std::uint32_t waited_for = 2;  // closed, and perhaps somebody waits

  void wait() noexcept;

  std::atomic<std::uint32_t> state_ = open;
};

#endif

}  // namespace tensorhold::os
