#include "os/fault/gap_windows.hpp"

#include <array>
#include <atomic>
#include <cstdint>

#include "os/error/error_windows.hpp"

namespace tensorhold::os::windows {
namespace {

constexpr std::int64_t grace_seconds = 3;
constexpr ULONG_PTR fault_read = 0;
constexpr ULONG_PTR fault_write = 1;

// Constant-initialised, so that it is there before and after everything else in the process.
struct Slot {
  std::atomic<std::uintptr_t> begin = 0;
  std::atomic<std::uintptr_t> end = 0;  // kept after a release, until the slot is used again
  std::atomic<bool> used = false;
};
constinit std::array<Slot, 64> slots;
constinit SRWLOCK gap_lock = SRWLOCK_INIT;
constinit SRWLOCK state_lock = SRWLOCK_INIT;  // guards the three below
constinit unsigned users = 0;
constinit void* installed = nullptr;
constinit PTP_TIMER timer = nullptr;

class Locked {
 public:
  Locked() noexcept { AcquireSRWLockExclusive(&state_lock); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;
  ~Locked() { ReleaseSRWLockExclusive(&state_lock); }
};

bool is_ours(std::uintptr_t address) noexcept {
  for (const Slot& slot : slots)
    if (address >= slot.begin.load(std::memory_order_acquire) &&
        address < slot.end.load(std::memory_order_acquire))
      return true;
  return false;
}

bool is_possible(std::uintptr_t address, ULONG_PTR access) noexcept {
  MEMORY_BASIC_INFORMATION info{};
  if (VirtualQuery(reinterpret_cast<const void*>(address), &info, sizeof info) == 0) return false;
  if (info.State != MEM_COMMIT || (info.Protect & PAGE_GUARD) != 0) return false;
  if (access == fault_write)
    return (info.Protect & (PAGE_READWRITE | PAGE_WRITECOPY | PAGE_EXECUTE_READWRITE |
                            PAGE_EXECUTE_WRITECOPY)) != 0;
  return (info.Protect & (PAGE_NOACCESS | PAGE_EXECUTE)) == 0;
}

LONG CALLBACK wait_for_gap(EXCEPTION_POINTERS* exception) {
  const EXCEPTION_RECORD& record = *exception->ExceptionRecord;
  if (record.ExceptionCode != EXCEPTION_ACCESS_VIOLATION || record.NumberParameters < 2)
    return EXCEPTION_CONTINUE_SEARCH;
  const ULONG_PTR access = record.ExceptionInformation[0];
  const std::uintptr_t address = record.ExceptionInformation[1];
  if ((access != fault_read && access != fault_write) || !is_ours(address))
    return EXCEPTION_CONTINUE_SEARCH;
  AcquireSRWLockShared(&gap_lock);
  const bool possible = is_possible(address, access);
  ReleaseSRWLockShared(&gap_lock);
  return possible ? EXCEPTION_CONTINUE_EXECUTION : EXCEPTION_CONTINUE_SEARCH;
}

void CALLBACK take_out(PTP_CALLBACK_INSTANCE, void*, PTP_TIMER) {
  const Locked lock;
  if (users != 0 || installed == nullptr) return;
  RemoveVectoredExceptionHandler(installed);
  installed = nullptr;
}

void schedule_take_out() noexcept {
  ULARGE_INTEGER due;
  due.QuadPart = static_cast<ULONGLONG>(-grace_seconds * 10'000'000);  // negative: from now
  FILETIME time{due.LowPart, due.HighPart};
  SetThreadpoolTimer(timer, &time, 0, 0);
}

// NO_ERROR, or why the handler cannot be had.
DWORD begin_use() noexcept {
  const Locked lock;
  if (timer == nullptr) {
    HMODULE self = nullptr;
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                       reinterpret_cast<const wchar_t*>(&wait_for_gap), &self);
    timer = CreateThreadpoolTimer(take_out, nullptr, nullptr);
    if (timer == nullptr) return GetLastError();
  }
  if (installed == nullptr) installed = AddVectoredExceptionHandler(1, wait_for_gap);
  if (installed == nullptr) return ERROR_NOT_ENOUGH_MEMORY;
  ++users;
  return NO_ERROR;
}

std::size_t take_slot() noexcept {
  // In turn, so that the range of a release that just ended is known for as long as possible.
  static constinit std::atomic<std::size_t> next = 0;
  for (;;) {
    for (std::size_t tried = 0; tried < slots.size(); ++tried) {
      const std::size_t i = next.fetch_add(1, std::memory_order_relaxed) % slots.size();
      if (!slots[i].used.exchange(true, std::memory_order_acquire)) return i;
    }
    Sleep(1);
  }
}

}  // namespace

GapHandler::GapHandler(std::byte* begin, std::size_t bytes) : slot_(take_slot()) {
  Slot& slot = slots[slot_];
  slot.end.store(0, std::memory_order_release);  // empty while it changes
  slot.begin.store(reinterpret_cast<std::uintptr_t>(begin), std::memory_order_release);
  slot.end.store(reinterpret_cast<std::uintptr_t>(begin) + bytes, std::memory_order_release);
  if (const DWORD error = begin_use(); error != NO_ERROR) {
    slot.used.store(false, std::memory_order_release);
    raise_error("install the handler that a release needs", "", error);
  }
}

GapHandler::~GapHandler() {
  slots[slot_].used.store(false, std::memory_order_release);
  const Locked lock;
  if (--users == 0) schedule_take_out();
}

Gap::Gap() noexcept { AcquireSRWLockExclusive(&gap_lock); }
Gap::~Gap() { ReleaseSRWLockExclusive(&gap_lock); }

NoGap::NoGap() noexcept { AcquireSRWLockShared(&gap_lock); }
NoGap::~NoGap() { ReleaseSRWLockShared(&gap_lock); }

bool gap_handler_installed() noexcept {
  const Locked lock;
  return installed != nullptr;
}

}  // namespace tensorhold::os::windows
