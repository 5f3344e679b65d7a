#include "os/error/api_windows.hpp"
#include "os/process/fork_mutex.hpp"

namespace tensorhold::os {
namespace {

static_assert(sizeof(SRWLOCK) == sizeof(void*));  // and SRWLOCK_INIT is null

PSRWLOCK native(void** lock) noexcept { return reinterpret_cast<PSRWLOCK>(lock); }

}  // namespace

void ForkMutex::lock() noexcept { AcquireSRWLockExclusive(native(&lock_)); }
bool ForkMutex::try_lock() noexcept { return TryAcquireSRWLockExclusive(native(&lock_)) != 0; }
void ForkMutex::unlock() noexcept { ReleaseSRWLockExclusive(native(&lock_)); }

}  // namespace tensorhold::os
