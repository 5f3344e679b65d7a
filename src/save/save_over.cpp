#include "save/save_over.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "hold/release.hpp"
#include "hold/source/registry.hpp"
#include "os/output/output.hpp"
#include "os/replace/temporary.hpp"
#include "recover/journal_recovery.hpp"

namespace tensorhold::io {
namespace {

constexpr std::uint64_t piece_bytes = std::uint64_t{8} << 20;
constexpr std::uint64_t length_bytes = 8;  // that a file begins with

void write_one(const os::Output& to, std::uint64_t at, std::span<const std::byte> bytes) {
  to.write_at(at, {&bytes, 1});
}

/// Copies [begin, end) to the same place.
void copy(const ReadAt& read, const os::Output& to, std::uint64_t begin, std::uint64_t end,
          const std::function<void(std::uint64_t)>& progress) {
  if (begin >= end) return;
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min(piece_bytes, end - begin)));
  while (begin < end) {
    const auto part =
        std::span(piece).first(static_cast<std::size_t>(std::min(piece_bytes, end - begin)));
    read(begin, part);
    write_one(to, begin, part);
    begin += part.size();
    if (progress) progress(begin);
  }
}

void give_rights(const os::File& from, const os::Output& to) {
  if (os::carry_rights(from, to)) return;
  throw Error({.code = Code::permission_denied,
               .reason = "the file that would be written over may be used by people who may not "
                         "use the new one, and its rights cannot be changed",
               .advice = "Have its owner narrow its mode, or give the new file the same rights.",
               .path = to.path()});
}

}  // namespace

bool refuses_renames(Code code) noexcept {
  return code == Code::unsupported || code == Code::permission_denied || code == Code::file_in_use;
}

bool save_over(const ReadAt& read, const os::Place& place, const SaveOver& options) {
  (void)hold::release(hold::sources_of(place.path()), {});
  os::Output to = os::Output::open(place.path(), os::Output::Missing::create);
  // Neither the old bytes nor the new ones are for people who have rights on the others only.
  const bool closed = options.rights == nullptr || os::close_to_others(to);
  if (!closed) give_rights(*options.rights, to);
  const std::uint64_t bytes = options.bytes;
  const std::uint64_t old_bytes = to.status().size;
  to.preallocate(bytes);
  if (old_bytes > bytes && !to.resize(bytes))
    throw Error({.code = Code::unsupported,
                 .reason = "the filesystem can neither rename a file onto another nor shorten one",
                 .advice = "Remove the file first, or save on another filesystem.",
                 .path = place.path()});
  const std::uint64_t first = std::min(length_bytes, bytes);
  const os::MomentLock writing = take_moment(to.native(), os::LockMode::exclusive, place.path());
  // From here on the file is invalid, and known to be: its length field is 0.
  constexpr std::array<std::byte, length_bytes> zeros{};
  write_one(to, 0, std::span(zeros).first(static_cast<std::size_t>(first)));
  copy(read, to, first, bytes, options.progress);
  if (options.rights != nullptr && closed) give_rights(*options.rights, to);
  const bool syncs = options.durable && to.sync();
  copy(read, to, 0, first, options.progress);
  if (syncs) return to.sync();
  to.flush();
  return false;
}

}  // namespace tensorhold::io
