#include "lock/lock.hpp"

#include <atomic>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/boundary.hpp"
#include "os/holders/holders.hpp"
#include "os/process/process.hpp"
#include "tensorhold/lock.hpp"

namespace tensorhold {
inline namespace v0 {

struct FileLock::Impl {
  os::Lock lock;
  std::string path;
};

struct FileLockAccess {
  [[nodiscard]] static FileLock make(os::Lock lock, const std::string& path) {
    FileLock made;
    made.impl_.reset(new FileLock::Impl{std::move(lock), path});
    return made;
  }
};

namespace {

using Clock = std::chrono::steady_clock;
constexpr const char* doing = "locking a file";

Clock::time_point deadline_after(std::chrono::milliseconds timeout) {
  const Clock::time_point now = Clock::now();
  if (timeout <= timeout.zero()) return now;
  const auto room =
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::time_point::max() - now);
  return timeout >= room ? Clock::time_point::max() : now + timeout;
}

/// The processes that are seen to have a lock on the file; best effort.
std::vector<Holder> lockers(const std::string& path) {
  std::vector<Holder> found;
  try {
    for (os::ProcessHold& hold : os::scan_holders(os::File::open_read(path)).holds) {
      if (!hold.locks) continue;
      Holder& holder = found.emplace_back();
      holder.pid = hold.pid;
      holder.own = hold.pid == os::process_id();
      holder.command = std::move(hold.command);
      holder.how = hold.mapped_bytes != 0 ? Holder::How::mapped : Holder::How::open;
      holder.nbytes = hold.mapped_bytes;
    }
  } catch (const Error&) {
    found.clear();
  }
  return found;
}

FileLock lock(const Path& path, os::LockMode mode, std::chrono::milliseconds timeout) {
  return FileLockAccess::make(io::take_lock(path.string(), mode, timeout), path.string());
}

}  // namespace
}  // namespace v0

os::Lock io::take_lock(const std::string& path, os::LockMode mode,
                       std::chrono::milliseconds timeout) {
  std::optional<os::Lock> taken = os::Lock::take(path, mode, deadline_after(timeout));
  if (taken) return std::move(*taken);
  raise_locked(path, mode);
}

void io::raise_locked(const std::string& path, os::LockMode mode) {
  throw Error({.code = Code::lock_conflict,
               .reason = mode == os::LockMode::exclusive
                             ? "others have a lock on the file"
                             : "others have an exclusive lock on the file",
               .advice = "Wait until they are done (a longer timeout does), or end them.",
               .path = path,
               .holders = lockers(path)});
}

namespace {

/// An empty text that is made once and never destroyed. Not by a static with a guard, for which a
/// forked child may wait, nor by a constant, which Clang 16 makes of no std::string.
const std::string& no_path() noexcept {
  constinit static std::atomic<const std::string*> only = nullptr;
  const std::string* found = only.load(std::memory_order_acquire);
  if (found != nullptr) return *found;
  const auto* const made = new (std::nothrow) std::string;
  if (made == nullptr) std::terminate();  // not even for an empty text is there memory
  if (only.compare_exchange_strong(found, made, std::memory_order_acq_rel)) return *made;
  delete made;
  return *found;
}

}  // namespace

inline namespace v0 {

FileLock::FileLock() noexcept = default;
FileLock::FileLock(FileLock&& other) noexcept = default;
FileLock& FileLock::operator=(FileLock&& other) noexcept = default;
FileLock::~FileLock() = default;

void FileLock::unlock() noexcept { impl_.reset(); }

const std::string& FileLock::path() const& noexcept { return impl_ ? impl_->path : no_path(); }

FileLock lock_shared(const Path& path, std::chrono::milliseconds timeout) {
  return base::raising(doing, [&] { return lock(path, os::LockMode::shared, timeout); });
}
FileLock lock_exclusive(const Path& path, std::chrono::milliseconds timeout) {
  return base::raising(doing, [&] { return lock(path, os::LockMode::exclusive, timeout); });
}
Result<FileLock> try_lock_shared(const Path& path, std::chrono::milliseconds timeout) noexcept {
  return base::guarded(doing, [&] { return lock(path, os::LockMode::shared, timeout); });
}
Result<FileLock> try_lock_exclusive(const Path& path, std::chrono::milliseconds timeout) noexcept {
  return base::guarded(doing, [&] { return lock(path, os::LockMode::exclusive, timeout); });
}

}  // namespace v0
}  // namespace tensorhold
