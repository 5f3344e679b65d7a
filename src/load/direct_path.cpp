#include "load/direct_path.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/checked.hpp"

namespace tensorhold::io {
namespace {

constexpr std::uint64_t alignment = os::DirectReads::alignment;

constexpr std::uint64_t aligned_down(std::uint64_t offset) noexcept {
  return offset / alignment * alignment;
}

/// Pieces of memory that are filled one after the other.
class Filler {
 public:
  explicit Filler(std::span<const std::span<std::byte>> pieces) noexcept : pieces_(pieces) {}

  void put(std::span<const std::byte> bytes) noexcept {
    while (!bytes.empty()) {
      const std::span<std::byte> room = pieces_.front().subspan(filled_);
      const std::size_t some = std::min(room.size(), bytes.size());
      if (some != 0) std::memcpy(room.data(), bytes.data(), some);
      bytes = bytes.subspan(some);
      filled_ += some;
      if (filled_ != pieces_.front().size()) continue;
      pieces_ = pieces_.subspan(1);
      filled_ = 0;
    }
  }

 private:
  std::span<const std::span<std::byte>> pieces_;
  std::size_t filled_ = 0;  // of the first
};

}  // namespace

bool DirectPath::read_at(std::uint64_t offset, std::span<const std::span<std::byte>> pieces) const {
  try {
    return read_through(offset, pieces);
  } catch (const std::bad_alloc&) {
    return false;  // no memory for a buffer
  }
}

bool DirectPath::read_through(std::uint64_t offset,
                              std::span<const std::span<std::byte>> pieces) const {
  std::uint64_t nbytes = 0;
  for (const auto& piece : pieces) nbytes += piece.size();  // in memory, so it fits
  const auto range = worth_reading(offset, nbytes);
  if (!range) return false;
  const BouncePool::Lease buffer(pool_);
  Filler filler(pieces);
  // Equal parts, so that none is short.
  const std::uint64_t parts = (range->end - range->begin + buffer_bytes - 1) / buffer_bytes;
  const std::uint64_t step = aligned_down((range->end - range->begin) / parts + alignment - 1);
  const std::uint64_t end = offset + nbytes;
  std::uint64_t at = offset;
  for (std::uint64_t from = range->begin; at < end; from += step) {
    const std::uint64_t to = std::min(from + step, range->end);
    const std::span<std::byte> room = buffer.bytes().first(static_cast<std::size_t>(to - from));
    const auto got = read(from, room);
    const std::uint64_t wanted_end = std::min(to, end);
    if (!got || *got < wanted_end - from) return false;
    filler.put(room.subspan(static_cast<std::size_t>(at - from),
                            static_cast<std::size_t>(wanted_end - at)));
    at = wanted_end;
  }
  return true;
}

bool DirectPath::read_in_place(std::uint64_t offset, std::span<std::byte> to) const {
  const auto range = worth_reading(offset, to.size());
  if (!range) return false;
  const std::uint64_t before = offset - range->begin;
  const auto got =
      read(range->begin, {to.data() - before, static_cast<std::size_t>(range->end - range->begin)});
  return got && *got >= before + to.size();
}

std::optional<DirectPath::Range> DirectPath::worth_reading(std::uint64_t offset,
                                                           std::uint64_t nbytes) const {
  const auto end = base::checked_add(offset, nbytes);
  const auto whole_end = end ? base::checked_align_up(*end, alignment) : std::nullopt;
  if (nbytes < shortest || !whole_end) return std::nullopt;
  const auto cached = [&](std::uint64_t at) { return reads_->is_cached(at); };
  if (cached(offset) && cached(offset + nbytes / 2) && cached(*end - 1)) return std::nullopt;
  return Range{aligned_down(offset), *whole_end};
}

std::optional<std::size_t> DirectPath::read(std::uint64_t offset, std::span<std::byte> to) const {
  const Turnstile::Pass pass(device_);
  return reads_->read(offset, to);
}

}  // namespace tensorhold::io
