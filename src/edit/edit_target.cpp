#include "edit/edit_target.hpp"

#include <algorithm>
#include <vector>

#include "format/parse/parse.hpp"
#include "lock/lock.hpp"
#include "os/file/file_info.hpp"
#include "recover/journal_recovery.hpp"
#include "recover/leftovers.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::io {
namespace {

[[noreturn]] void raise_replaced(const std::string& path) {
  throw Error({.code = Code::replaced,
               .reason = "the file was replaced or edited by another while this edit was made",
               .advice = "Edit again.",
               .path = path});
}

/// open(path), which is to give the file `identity`. Where nothing stands for a moment, another
/// file is about to come.
template <typename Opened>
Opened open_same(const std::string& path, const os::Identity& identity,
                 Opened (*open)(const std::string&)) {
  try {
    Opened opened = open(path);
    if (opened.status().identity == identity) return opened;
  } catch (const Error& error) {
    if (error.code() != Code::not_found) throw;
  }
  raise_replaced(path);
}

os::Output open_output(const std::string& path) { return os::Output::open(path); }

}  // namespace

EditTarget::EditTarget(const std::string& path, const EditOptions& options)
    : in_place_(options.follow_symlink || !os::is_link(path)),
      place_(os::Place::of(path, /*follow_symlink=*/true)),
      lock_(take_lock(place_.path(), os::LockMode::exclusive, options.lock_timeout)),
      identity_(lock_->identity()),
      output_(open_same(place_.path(), identity_, open_output)) {
  finish_locked_edit(place_, *output_);
  remove_stale_temporaries(place_);
  read_header();
}

os::File EditTarget::open_again() const {
  return open_same(place_.path(), identity_, os::File::open_read);
}

void EditTarget::refuse_replaced() const {
  const std::optional<os::FileStatus> now = place_.status();
  if (!now || !(now->identity == identity_)) raise_replaced(place_.path());
}

void EditTarget::let_go() {
  const os::FileStatus before = output_->status();
  output_.reset();
  lock_.reset();
  const std::optional<os::FileStatus> now = place_.status();
  if (!now || !(now->identity == before.identity) || now->size != before.size ||
      now->modified_ns != before.modified_ns)
    raise_replaced(place_.path());
}

void EditTarget::read_header() {
  const os::MomentLock still = take_moment(output_->native(), os::LockMode::shared, place_.path());
  file_bytes_ = output_->status().size;
  const format::ParseOptions parsing{.path = place_.path()};
  std::vector<std::byte> first(
      static_cast<std::size_t>(std::min<std::uint64_t>(file_bytes_, format::sniff_bytes)));
  output_->read_at(0, first);
  const std::uint64_t length = format::check_length(first, file_bytes_, parsing);
  prefix_.resize(static_cast<std::size_t>(format::prefix_bytes + length));
  output_->read_at(0, std::as_writable_bytes(std::span(prefix_)));
  header_ =
      format::parse(std::string_view(prefix_).substr(format::prefix_bytes), file_bytes_, parsing);
}

}  // namespace tensorhold::io
