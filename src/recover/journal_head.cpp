#include "recover/journal_head.hpp"

#include <algorithm>
#include <bit>

#include "base/checked.hpp"
#include "base/endian.hpp"
#include "base/fnv.hpp"

namespace tensorhold::io {
namespace {

constexpr std::size_t numbers = head_bytes / sizeof(std::uint64_t);
using Numbers = std::array<std::uint64_t, numbers>;

}  // namespace

std::array<std::byte, head_bytes> encode(const Head& head) {
  std::array<std::byte, head_bytes> out{};
  const auto values = std::bit_cast<Numbers>(head);
  const auto place = [&](std::size_t i) {
    return std::span(out).subspan(i * 8).first<sizeof(std::uint64_t)>();
  };
  for (std::size_t i = 0; i + 1 < numbers; ++i) base::store_little_u64(values[i], place(i));
  base::store_little_u64(base::fnv1a(std::span(out).first(head_bytes - 8)), place(numbers - 1));
  return out;
}

std::optional<Head> decode(std::span<const std::byte, head_bytes> in, std::uint64_t journal_bytes) {
  Numbers values{};
  for (std::size_t i = 0; i < numbers; ++i)
    values[i] = base::load_little_u64(in.subspan(i * 8).first<sizeof(std::uint64_t)>());
  const auto head = std::bit_cast<Head>(values);
  if (head.magic != Head::current || head.sum != base::fnv1a(in.first(head_bytes - 8)) ||
      head.nbytes == 0)
    return std::nullopt;
  const auto fits = [](std::uint64_t at, std::uint64_t nbytes, std::uint64_t bound) {
    const auto end = base::checked_add(at, nbytes);
    return end && *end <= bound;
  };
  const Samples samples(head.nbytes);
  if (head.samples != 0 && head.samples != samples.count) return std::nullopt;
  const std::uint64_t before = head.samples == 0 ? head.nbytes : samples.count * samples.bytes;
  if (!fits(head.at, head.nbytes, head.file_bytes) ||
      !fits(head.after_at, head.nbytes, journal_bytes) ||
      !fits(head.before_at, before, journal_bytes) || head.prefix_bytes > head.file_bytes)
    return std::nullopt;
  return head;
}

Samples::Samples(std::uint64_t nbytes) noexcept
    : bytes(std::min<std::uint64_t>(nbytes, 64)),
      count(std::min<std::uint64_t>(nbytes / bytes, 32)),
      step(count == 1 ? 0 : (nbytes - bytes) / (count - 1)) {}

}  // namespace tensorhold::io
