#include "recover/journal_recovery.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/log.hpp"
#include "lock/lock.hpp"
#include "os/file/file_info.hpp"
#include "os/leftovers/temporary_name.hpp"
#include "os/lock/lock_wait.hpp"
#include "recover/journal.hpp"

namespace tensorhold::io {
namespace {

using Clock = std::chrono::steady_clock;

/// The file went, or another came: whoever asked looks again.
bool is_gone(const Error& error) noexcept {
  return error.code() == Code::not_found || error.code() == Code::not_a_file;
}

[[noreturn]] void raise_unfinished(const Error& error) {
  ErrorInfo info = error.info();
  info.reason = "an edit of the file was cut short, and finishing it failed: " + info.reason;
  throw Error(std::move(info));
}

[[noreturn]] void raise_untrusted(const os::Place& place, const std::string& journal) {
  throw Error({.code = Code::permission_denied,
               .reason = "an edit of the file was cut short, and its journal is from somebody who "
                         "is not the file's owner",
               .advice = "Have the file opened once by who edited it, or remove " +
                         os::path_beside(place.path(), journal) + ".",
               .path = place.path()});
}

/// What is left to do for the power cut that comes next; the edit is made.
void try_sync(const os::Place& place) {
  try {
    place.sync();
  } catch (const Error& error) {
    if (error.code() != Code::not_durable) throw;
  }
}

}  // namespace

JournalWatch::JournalWatch(const std::string& path) : JournalWatch(path, os::is_link(path)) {}

JournalWatch::JournalWatch(const std::string& path, bool is_link)
    : path_(is_link ? os::Place::of(path, /*follow_symlink=*/true).path() : path),
      deadline_(Clock::now() + edit_patience) {}

const os::Place& JournalWatch::place() {
  if (!place_) place_.emplace(os::Place::of(path_, /*follow_symlink=*/true));
  return *place_;
}

std::chrono::milliseconds JournalWatch::patience() const {
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()),
                  std::chrono::milliseconds(0));
}

bool JournalWatch::stands(const os::Identity& identity) {
  const std::string name = os::make_journal_name(os::name_in(path_), identity);
  if (!os::stands_at(os::path_beside(path_, name))) return false;
  const std::optional<os::FileStatus> there = os::status_beside(place(), name);
  return there && there != left_alone_;
}

std::optional<Locked> JournalWatch::lock(const os::Identity& identity, os::LockMode mode) {
  try {
    os::Lock taken = take_lock(path_, mode, patience());
    if (!(taken.identity() == identity)) return std::nullopt;
    return Locked{std::move(taken)};
  } catch (const Error& error) {
    if (is_gone(error)) return std::nullopt;
    if (error.code() != Code::unsupported) throw;
    return Locked{};
  }
}

/// Waits for the edit whose journal `name` is. True: it stands there, and nobody has the lock;
/// false: it is gone, which is looked for as well, because the next edit may have the lock at once.
bool JournalWatch::is_left(const os::Identity& identity, const std::string& name) {
  os::LockWait waiting(deadline_);
  for (;;) {
    if (!os::status_beside(place(), name)) return false;
    try {
      if (const auto lock = os::Lock::take(path_, os::LockMode::shared, Clock::now()))
        return lock->identity() == identity && os::status_beside(place(), name).has_value();
    } catch (const Error& error) {
      if (is_gone(error)) return false;
      if (error.code() != Code::unsupported) throw;
      return true;
    }
    if (!waiting.wait()) raise_locked(path_, os::LockMode::shared);
  }
}

void JournalWatch::settle(os::File file) {
  const JournalTarget about(file);
  const os::Identity identity = about.status.identity;
  const std::string name = os::make_journal_name(place().name(), identity);
  const std::optional<os::FileStatus> seen = os::status_beside(place(), name);
  {
    const std::optional<Journal> journal = Journal::find(place(), about);
    if (!journal || journal->find_in(about) == Journal::Finds::another) {
      left_alone_ = seen;
      return;
    }
  }
  file.close();
  if (!is_left(identity, name)) return;
  std::optional<Locked> locked;
  try {
    locked = lock(identity, os::LockMode::exclusive);
  } catch (const Error& error) {
    if (error.code() != Code::permission_denied) throw;
    return leave_whole(identity, error);
  }
  if (!locked) return;
  try {
    os::Output target = os::Output::open(path_);
    if (!(target.status().identity == identity)) return;
    finish_locked_edit(place(), target);
    // Settled, also where the folder does not let it go.
    left_alone_ = os::status_beside(place(), name);
  } catch (const Error& error) {
    if (!is_gone(error)) throw;
  }
}

/// What may be read and not written is read as it is, when that is the old file or the new one.
void JournalWatch::leave_whole(const os::Identity& identity, const Error& refusal) {
  const std::optional<Locked> locked = lock(identity, os::LockMode::shared);
  if (!locked) return;
  const std::string name = os::make_journal_name(place().name(), identity);
  const std::optional<os::FileStatus> seen = os::status_beside(place(), name);
  const os::File file = os::File::open_read(path_);
  const JournalTarget about(file);
  if (!(about.status.identity == identity)) return;
  const std::optional<Journal> journal = Journal::find(place(), about);
  if (!journal || journal->find_in(about) != Journal::Finds::mixture) {
    left_alone_ = seen;
    return;
  }
  ErrorInfo info = refusal.info();
  info.reason = "an edit of the file was cut short, and finishing it needs the right to write";
  info.advice = "Have it opened once by somebody who may write it.";
  throw Error(std::move(info));
}

void finish_edit(const std::string& path) {
  JournalWatch watch(path);
  for (;;) {
    const std::optional<os::FileStatus> there = os::status_at(path);
    if (!there || there->kind != os::FileKind::regular || !watch.stands(there->identity)) return;
    bool opening = true;
    try {
      os::File file = os::File::open_read(path);
      opening = false;
      if (file.status().identity == there->identity) watch.settle(std::move(file));
    } catch (const Error& error) {
      if (error.code() == Code::permission_denied && opening) return;  // nor read
      if (!is_gone(error)) throw;
    }
  }
}

void finish_locked_edit(const os::Place& place, os::Output& target) {
  const JournalTarget about(target);
  const std::string name = os::make_journal_name(place.name(), about.status.identity);
  {
    const std::optional<Journal> journal = Journal::find(place, about);
    if (!journal) return;
    const Journal::Finds finds = journal->find_in(about);
    if (finds == Journal::Finds::another) return;
    if (!journal->trusted()) {
      if (finds == Journal::Finds::mixture) raise_untrusted(place, name);
      return;
    }
    try {
      const os::MomentLock moment =
          take_moment(target.native(), os::LockMode::exclusive, place.path());
      journal->apply(target);
      (void)target.sync();
    } catch (const Error& error) {
      raise_unfinished(error);
    }
  }
  // Where it stays, the next one writes the same bytes again.
  (void)os::remove_beside(place, name);
  try_sync(place);
  if (base::log_enabled()) base::log(place.path() + ": finished an edit that was cut short");
}

bool read_steadily(const os::File& file, JournalWatch* watch,
                   const std::function<void(const os::FileStatus&)>& read) {
  const os::FileStatus status = file.status();
  const auto stands = [&] { return watch != nullptr && watch->stands(status.identity); };
  if (stands()) return false;
  // Each edit begins at a later time than that of the file (journal_writer.cpp). So one that was
  // not over when the journal was looked for, or began since, shows in the time.
  if (os::writes_set_times && (watch != nullptr || !os::MomentLock::is_busy(file.native()))) {
    std::exception_ptr failure;
    try {
      read(status);
    } catch (const Error&) {
      failure = std::current_exception();  // of a file, or of half a header
    }
    if (os::is_as_written(file.native(), status)) {
      if (failure) std::rethrow_exception(failure);
      return true;
    }
  }
  // Somebody writes, or times do not tell: read while nobody of this library may.
  os::LockWait waiting(Clock::now() + edit_patience);
  for (;;) {
    if (const auto moment = os::MomentLock::try_take(file.native(), os::LockMode::shared)) {
      if (stands()) return false;
      read(file.status());
      return true;
    }
    if (stands()) return false;
    if (!waiting.wait()) raise_locked(file.path(), os::LockMode::shared);
  }
}

std::optional<StillFile> hold_still(const std::string& path) {
  JournalWatch watch(path);
  for (;;) {
    os::File file;
    try {
      file = os::File::open_read(path);
    } catch (const Error& error) {
      if (!is_gone(error) && error.code() != Code::permission_denied) throw;
      return std::nullopt;
    }
    const os::FileStatus status = file.status();
    if (status.kind != os::FileKind::regular) return std::nullopt;
    os::MomentLock moment = take_moment(file.native(), os::LockMode::shared, path);
    if (!watch.stands(status.identity)) return StillFile{std::move(file), std::move(moment)};
    { const os::MomentLock ends = std::move(moment); }
    watch.settle(std::move(file));
  }
}

os::MomentLock take_moment(std::intptr_t handle, os::LockMode mode, const std::string& path) {
  os::LockWait waiting(Clock::now() + edit_patience);
  for (;;) {
    if (auto moment = os::MomentLock::try_take(handle, mode)) return std::move(*moment);
    if (!waiting.wait()) raise_locked(path, mode);
  }
}

OldJournal::OldJournal(const os::Place& place) noexcept : place_(place) {
  try {
    const std::optional<os::FileStatus> there = place.status();
    if (!there || there->kind != os::FileKind::regular) return;
    file_ = there->identity;
    name_ = os::make_journal_name(place.name(), file_);
    seen_ = os::status_beside(place, name_);
  } catch (const std::exception&) {
    seen_.reset();  // the next save in that folder sees that it is left
  }
}

void OldJournal::drop() const noexcept {
  if (!seen_) return;
  try {
    // The number may be another file's by now, and the journal that one's.
    const std::optional<os::FileStatus> there = place_.status();
    if ((!there || !(there->identity == file_)) && os::status_beside(place_, name_) == seen_)
      (void)os::remove_beside(place_, name_);
  } catch (const std::exception&) {
    return;  // as above
  }
}

}  // namespace tensorhold::io
