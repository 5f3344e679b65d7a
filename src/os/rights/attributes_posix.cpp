#include "os/rights/attributes_posix.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "os/rights/extended_attributes_posix.hpp"
#include "os/rights/rights_posix.hpp"

namespace tensorhold::os {
namespace {

constexpr mode_t usual_bits = S_IRWXU | S_IRWXG | S_IRWXO;

/// Which of owner and group `to` has in common with the source in the end.
struct Kept {
  bool owner = false;
  bool group = false;
};

// Only root gives files away, and some filesystems have no owners. The group can often be kept
// where the owner cannot.
Kept keep_owner(const struct ::stat& from, const struct ::stat& ours, int to) noexcept {
  Kept kept{.owner = ours.st_uid == from.st_uid, .group = ours.st_gid == from.st_gid};
  if (!kept.owner && ::fchown(to, from.st_uid, from.st_gid) == 0) return {true, true};
  if (!kept.group) kept.group = ::fchown(to, static_cast<uid_t>(-1), from.st_gid) == 0;
  return kept;
}

Rights rights_of(const AttributeSource& from) {
  const auto list = read_list(from.descriptor());
  if (list) return {from.status().st_mode, *list};
  return {from.status().st_mode & S_IRWXU, {}};  // what it may forbid nobody knows
}

void set_times(const struct ::stat& from, int to) noexcept {
#ifdef __APPLE__
  const std::array<timespec, 2> times{from.st_atimespec, from.st_mtimespec};
#else
  const std::array<timespec, 2> times{from.st_atim, from.st_mtim};
#endif
  (void)::futimens(to, times.data());
}

// A list that a folder gave the file, and that cannot be taken from it, stays closed by its mask.
bool set_mode(int to, mode_t mode) noexcept {
  if (!write_list(to, {})) mode &= ~static_cast<mode_t>(S_IRWXG);
  return ::fchmod(to, mode) == 0;
}

bool set_rights(int to, Rights rights) {
  if (rights.has_list() && write_list(to, rights.list())) return true;
  rights.lose_list();
  if (set_mode(to, rights.mode())) return true;
  struct ::stat now {};
  const auto list = read_list(to);
  return ::fstat(to, &now) == 0 && list && list->empty() &&
         (now.st_mode & (S_IRWXG | S_IRWXO) & ~rights.mode()) == 0;
}

}  // namespace

AttributeSource::AttributeSource(AttributeSource&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      owns_(std::exchange(other.owns_, false)),
      status_(other.status_) {}

AttributeSource::~AttributeSource() {
  if (owns_) (void)::close(descriptor_);
}

std::optional<AttributeSource> AttributeSource::at(int folder, const std::string& name,
                                                   bool follow_symlink) {
  AttributeSource source;
  const int follow = follow_symlink ? 0 : O_NOFOLLOW;
#ifdef O_PATH
  // No hold on the file for those who mind holders, and no right to read it is needed; but it can
  // be asked by a link in /proc only.
  if (::faccessat(AT_FDCWD, "/proc/self/fd", F_OK, 0) == 0)
    source.descriptor_ = ::openat(folder, name.c_str(), O_PATH | O_CLOEXEC | follow);
#endif
  if (source.descriptor_ < 0)
    source.descriptor_ =
        ::openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | follow);
  source.owns_ = source.descriptor_ >= 0;
  const int looked = source.owns_ ? ::fstat(source.descriptor_, &source.status_)
                                  : ::fstatat(folder, name.c_str(), &source.status_,
                                              follow_symlink ? 0 : AT_SYMLINK_NOFOLLOW);
  if (looked != 0 || !S_ISREG(source.status_.st_mode)) return std::nullopt;
  return source;
}

std::optional<AttributeSource> AttributeSource::of(int descriptor) {
  AttributeSource source;
  source.descriptor_ = descriptor;
  if (::fstat(descriptor, &source.status_) != 0 || !S_ISREG(source.status_.st_mode))
    return std::nullopt;
  return source;
}

bool carry_attributes(const AttributeSource& from, int to, Carry what) {
  struct ::stat ours {};
  if (::fstat(to, &ours) != 0) return false;
  Rights rights = rights_of(from);
  const Kept kept = keep_owner(from.status(), ours, to);
  if (!kept.owner) rights.lose_owner(from.status().st_uid);
  if (!kept.group) rights.lose_group();
  // Before the mode, which may take the right to write from the owner too.
  if (what != Carry::rights) copy_extended(from.descriptor(), to);
  const bool set = set_rights(to, std::move(rights));
  if (what == Carry::all) set_times(from.status(), to);
  return set;
}

void narrow_to(const AttributeSource& target, int to, mode_t usual) {
  struct ::stat ours {};
  if (::fstat(to, &ours) != 0) return;
  Rights rights = rights_of(target);
  if (ours.st_uid != target.status().st_uid) rights.lose_owner(target.status().st_uid);
  if (ours.st_gid != target.status().st_gid) rights.lose_group();
  rights.lose_list();
  (void)set_mode(to, usual & usual_bits & (rights.mode() | S_IRWXU));
}

}  // namespace tensorhold::os
