#include "base/log.hpp"

#include <atomic>
#include <new>
#include <utility>

#include "base/printable.hpp"
#include "tensorhold/log.hpp"

namespace tensorhold {
namespace {

struct Hook {
  LogHook call;
  Hook* next = nullptr;  // in `replaced`
};

// No lock, so that a child of fork() finds none held. Where a thread that was in a hook is lost in
// a fork, the child keeps what was replaced.
constinit std::atomic<Hook*> current = nullptr;
constinit std::atomic<std::size_t> users = 0;  // threads that may be in a hook
constinit std::atomic<Hook*> replaced = nullptr;

void keep_replaced(Hook* hook) noexcept {
  Hook* head = replaced.load();
  do hook->next = head;
  while (!replaced.compare_exchange_weak(head, hook));
}

/// Frees what was replaced, unless a thread may still be in it. Such a thread counts before it
/// looks for the hook, and these were taken away before they are looked for here.
void free_replaced() noexcept {
  Hook* hook = replaced.exchange(nullptr);
  const bool in_use = users.load() != 0;
  while (hook != nullptr) {
    Hook* const next = hook->next;
    if (in_use)
      keep_replaced(hook);
    else
      delete hook;
    hook = next;
  }
}

}  // namespace

inline namespace v0 {

void set_log_hook(LogHook hook) {
  Hook* const next = hook ? new Hook{.call = std::move(hook)} : nullptr;
  if (Hook* const before = current.exchange(next)) keep_replaced(before);
  free_replaced();
}

}  // namespace v0

namespace base {

bool log_enabled() noexcept { return current.load(std::memory_order_relaxed) != nullptr; }

void log(std::string_view line) noexcept {
  if (!log_enabled()) return;
  users.fetch_add(1);
  if (const Hook* const hook = current.load()) {
    try {
      hook->call(printable(line));
    } catch (const std::bad_alloc&) {  // no memory for the line
    }
  }
  if (users.fetch_sub(1) == 1 && replaced.load(std::memory_order_relaxed) != nullptr)
    free_replaced();
}

}  // namespace base
}  // namespace tensorhold
