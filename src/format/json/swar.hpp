// Eight bytes of text at a time in one integer.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace tensorhold::format::swar {

inline constexpr std::uint64_t ones = 0x0101010101010101;
inline constexpr std::uint64_t high_bits = ones * 0x80;

/// Eight bytes, the first one lowest on any machine.
[[nodiscard]] inline std::uint64_t load8(const char* from) noexcept {
  std::uint64_t word;
  std::memcpy(&word, from, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

/// High bit set in the first byte that ends a plain run of a JSON string: a quote, a backslash or a
/// control character. Bytes after that one may be marked by mistake, those before it never are.
[[nodiscard]] constexpr std::uint64_t string_ends(std::uint64_t word) noexcept {
  const std::uint64_t quote = word ^ ones * '"';
  const std::uint64_t backslash = word ^ ones * '\\';
  return ((quote - ones) & ~quote & high_bits) | ((backslash - ones) & ~backslash & high_bits) |
         ((word - ones * 0x20) & ~word & high_bits);
}

/// Index of the first marked byte; 8 for none.
[[nodiscard]] constexpr std::size_t first_mark(std::uint64_t marks) noexcept {
  return static_cast<std::size_t>(std::countr_zero(marks)) / 8;
}

/// First character from `at` on that ends a plain run of a JSON string; `end` when none does.
[[nodiscard]] inline const char* find_string_end(const char* at, const char* end) noexcept {
#if defined(__SSE2__)
  for (; end - at >= 16; at += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i control =
        _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);  // at most 0x1f
    const __m128i special = _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')),
                                         _mm_cmpeq_epi8(block, _mm_set1_epi8('\\')));
    const int marks = _mm_movemask_epi8(_mm_or_si128(control, special));
    if (marks != 0) return at + std::countr_zero(static_cast<unsigned>(marks));
  }
#endif
  for (; end - at >= 8; at += 8)
    if (const std::uint64_t marks = string_ends(load8(at)); marks != 0)
      return at + first_mark(marks);
  for (; at != end; ++at)
    if (static_cast<unsigned char>(*at) < 0x20 || *at == '"' || *at == '\\') break;
  return at;
}

/// High bit set in the first byte that is no decimal digit; same caution.
[[nodiscard]] constexpr std::uint64_t digits_end(std::uint64_t word) noexcept {
  return ((word + ones * 0x46) | (word - ones * 0x30)) & high_bits;
}

/// Value of the first `count` characters, all decimal digits; count from 1 to 8.
[[nodiscard]] constexpr std::uint64_t digits_value(std::uint64_t word, std::size_t count) noexcept {
  word <<= 8 * (8 - count);  // zero bytes in front count as leading zeros
  word &= ones * 0x0f;
  word = (word * 10 + (word >> 8)) & 0x00ff00ff00ff00ff;
  word = (word * 100 + (word >> 16)) & 0x0000ffff0000ffff;
  return (word * 10000 + (word >> 32)) & 0xffffffff;
}

}  // namespace tensorhold::format::swar
