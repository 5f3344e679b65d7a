#include "base/log.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

#include "base/printable.hpp"
#include "tensorhold/log.hpp"

namespace tensorhold {
namespace {

struct HookSlot {
  std::mutex mutex;
  std::shared_ptr<const LogHook> hook;
  std::atomic<bool> enabled = false;
};

HookSlot& slot() {
  static HookSlot instance;
  return instance;
}

}  // namespace

inline namespace v0 {

void set_log_hook(LogHook hook) {
  auto next = hook ? std::make_shared<const LogHook>(std::move(hook)) : nullptr;
  const std::lock_guard lock(slot().mutex);
  slot().enabled.store(next != nullptr, std::memory_order_relaxed);
  slot().hook = std::move(next);
}

}  // namespace v0

namespace base {

bool log_enabled() noexcept { return slot().enabled.load(std::memory_order_relaxed); }

void log(std::string_view line) noexcept {
  if (!log_enabled()) return;
  std::shared_ptr<const LogHook> hook;
  {
    const std::lock_guard lock(slot().mutex);
    hook = slot().hook;
  }
  if (!hook) return;
  try {
    (*hook)(printable(line));
  } catch (const std::bad_alloc&) {
    return;  // no memory for the line
  }
}

}  // namespace base
}  // namespace tensorhold
