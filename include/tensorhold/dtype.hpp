// The 22 element types of the format, and the C++ types that stand for them.
#pragma once

#include <array>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tensorhold {
inline namespace v0 {

/// Element types, in the order by which the reference writer sorts (it writes the last ones first).
/// Numbers are frozen and append-only: the C ABI hands them out.
enum class Dtype : std::uint8_t {
  boolean,
  f4,
  f6_e2m3,
  f6_e3m2,
  u8,
  i8,
  f8_e5m2,
  f8_e4m3,
  f8_e8m0,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  i16,
  u16,
  f16,
  bf16,
  i32,
  u32,
  f32,
  c64,
  f64,
  i64,
  u64,
};

namespace detail {
struct DtypeRow {
  std::string_view name;
  std::uint8_t bits;
};
inline constexpr std::array<DtypeRow, 22> dtype_rows{{
    {"BOOL", 8},        {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},
    {"I8", 8},          {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
    {"F8_E5M2FNUZ", 8}, {"I16", 16},    {"U16", 16},    {"F16", 16},    {"BF16", 16},
    {"I32", 32},        {"U32", 32},    {"F32", 32},    {"C64", 64},    {"F64", 64},
    {"I64", 64},        {"U64", 64},
}};
}  // namespace detail

inline constexpr std::size_t dtype_count = detail::dtype_rows.size();

/// Name in a header, such as "BF16".
[[nodiscard]] constexpr std::string_view to_string(Dtype dtype) noexcept {
  return detail::dtype_rows[static_cast<std::size_t>(dtype)].name;
}

/// Size of one element in bits: 4, 6, 8, 16, 32 or 64.
[[nodiscard]] constexpr unsigned bits_of(Dtype dtype) noexcept {
  return detail::dtype_rows[static_cast<std::size_t>(dtype)].bits;
}

/// Dtype by its name in a header; case matters.
[[nodiscard]] constexpr std::optional<Dtype> dtype_from_string(std::string_view name) noexcept {
  for (std::size_t i = 0; i < dtype_count; ++i)
    if (detail::dtype_rows[i].name == name) return static_cast<Dtype>(i);
  return std::nullopt;
}

/// Storage-only element types: the bits of one element, no arithmetic. tensorhold/numeric.hpp turns
/// them into float.
template <class Bits, Dtype Tag>
struct Storage {
  Bits bits{};
  friend constexpr bool operator==(Storage, Storage) = default;
};
using f16 = Storage<std::uint16_t, Dtype::f16>;
using bf16 = Storage<std::uint16_t, Dtype::bf16>;
using f8_e5m2 = Storage<std::uint8_t, Dtype::f8_e5m2>;
using f8_e4m3 = Storage<std::uint8_t, Dtype::f8_e4m3>;
using f8_e8m0 = Storage<std::uint8_t, Dtype::f8_e8m0>;
using f8_e4m3fnuz = Storage<std::uint8_t, Dtype::f8_e4m3fnuz>;
using f8_e5m2fnuz = Storage<std::uint8_t, Dtype::f8_e5m2fnuz>;

/// Which dtype a typed view of T needs. Only the exact pairs exist; a type without one does not
/// compile. BOOL is read as std::uint8_t (a file may hold bytes other than 0 and 1), which
/// therefore views both BOOL and U8. Sub-byte dtypes have no element type: use bytes().
template <class T>
struct DtypeOf;
template <class Bits, Dtype Tag>
struct DtypeOf<Storage<Bits, Tag>> {
  static constexpr Dtype value = Tag;
};
template <>
struct DtypeOf<std::uint8_t> {
  static constexpr Dtype value = Dtype::u8;
};
template <>
struct DtypeOf<std::int8_t> {
  static constexpr Dtype value = Dtype::i8;
};
template <>
struct DtypeOf<std::uint16_t> {
  static constexpr Dtype value = Dtype::u16;
};
template <>
struct DtypeOf<std::int16_t> {
  static constexpr Dtype value = Dtype::i16;
};
template <>
struct DtypeOf<std::uint32_t> {
  static constexpr Dtype value = Dtype::u32;
};
template <>
struct DtypeOf<std::int32_t> {
  static constexpr Dtype value = Dtype::i32;
};
template <>
struct DtypeOf<std::uint64_t> {
  static constexpr Dtype value = Dtype::u64;
};
template <>
struct DtypeOf<std::int64_t> {
  static constexpr Dtype value = Dtype::i64;
};
template <>
struct DtypeOf<float> {
  static constexpr Dtype value = Dtype::f32;
};
template <>
struct DtypeOf<double> {
  static constexpr Dtype value = Dtype::f64;
};
template <>
struct DtypeOf<std::complex<float>> {
  static constexpr Dtype value = Dtype::c64;
};

template <class T>
inline constexpr Dtype dtype_of = DtypeOf<T>::value;

}  // namespace v0
}  // namespace tensorhold
