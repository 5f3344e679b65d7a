#include "transfer/copy_range.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include "os/disk/share.hpp"
#include "os/disk/sparse.hpp"

namespace tensorhold::io {
namespace {

constexpr std::uint64_t piece_bytes = std::uint64_t{8} << 20;

}  // namespace

void copy_bytes(const os::File& from, std::uint64_t from_at, const os::Output& to,
                std::uint64_t to_at, std::uint64_t bytes) {
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min(piece_bytes, bytes)));
  for (std::uint64_t done = 0; done < bytes;) {
    const std::span<std::byte> part =
        std::span(piece).first(static_cast<std::size_t>(std::min(piece_bytes, bytes - done)));
    from.read_at(from_at + done, part);
    const std::span<const std::byte> read = part;
    to.write_at(to_at + done, {&read, 1});
    done += part.size();
  }
}

bool has_holes(const os::File& from, std::uint64_t from_at, std::uint64_t bytes) {
  if (bytes == 0) return false;
  const os::DataRange data = os::next_data(from, from_at, from_at + bytes);
  return data.begin != from_at || data.end != from_at + bytes;
}

void copy_data(const os::File& from, std::uint64_t from_at, const os::Output& to,
               std::uint64_t to_at, std::uint64_t bytes) {
  const std::uint64_t end = from_at + bytes;
  for (std::uint64_t at = from_at; at < end;) {
    const os::DataRange data = os::next_data(from, at, end);
    copy_bytes(from, data.begin, to, to_at + (data.begin - from_at), data.end - data.begin);
    at = data.end;
  }
  // What is behind the end of a file that became shorter looks like a hole; reading tells.
  if (bytes != 0) copy_bytes(from, end - 1, to, to_at + bytes - 1, 1);
}

bool share(const os::File& from, std::uint64_t from_at, const os::Output& to, std::uint64_t to_at,
           std::uint64_t bytes) {
  constexpr std::uint64_t block = os::share_alignment;
  const std::uint64_t head = std::min((block - from_at % block) % block, bytes);
  const std::uint64_t middle = (bytes - head) / block * block;
  if (from_at % block != to_at % block || middle == 0 ||
      !os::share_range(from, from_at + head, to, to_at + head, middle))
    return false;
  copy_bytes(from, from_at, to, to_at, head);
  const std::uint64_t done = head + middle;
  copy_bytes(from, from_at + done, to, to_at + done, bytes - done);
  return true;
}

bool copy_range(const os::File& from, std::uint64_t from_at, const os::Output& to,
                std::uint64_t to_at, std::uint64_t bytes) {
  if (share(from, from_at, to, to_at, bytes)) return true;
  copy_bytes(from, from_at, to, to_at, bytes);
  return false;
}

}  // namespace tensorhold::io
