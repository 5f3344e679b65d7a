// The values of storage-only element types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensorhold/dtype.hpp"
#include "tensorhold/export.hpp"

namespace tensorhold {
inline namespace v0 {

/// The value of one element. Every one of these types fits in a float exactly. Sources: IEEE
/// 754-2019 (f16), the OCP 8-bit and microscaling specifications (f8_e5m2, f8_e4m3 without
/// infinities, f8_e8m0), and the "fnuz" variants (one zero, NaN at the sign bit alone, bias one
/// higher).
[[nodiscard]] TENSORHOLD_API float to_float(f16 value) noexcept;
[[nodiscard]] TENSORHOLD_API float to_float(bf16 value) noexcept;
[[nodiscard]] TENSORHOLD_API float to_float(f8_e5m2 value) noexcept;
[[nodiscard]] TENSORHOLD_API float to_float(f8_e4m3 value) noexcept;
[[nodiscard]] TENSORHOLD_API float to_float(f8_e8m0 value) noexcept;
[[nodiscard]] TENSORHOLD_API float to_float(f8_e4m3fnuz value) noexcept;
[[nodiscard]] TENSORHOLD_API float to_float(f8_e5m2fnuz value) noexcept;

/// The elements of little-endian `bytes` as double, for any dtype but C64 (two doubles an element,
/// real first): the first `values.size()` ones. Sub-byte elements are packed from the low bits up.
/// 64-bit integers beyond 2^53 are rounded. Precondition: `bytes` holds that many elements.
TENSORHOLD_API void to_doubles(Dtype dtype, std::span<const std::byte> bytes,
                               std::span<double> values) noexcept;

}  // namespace v0
}  // namespace tensorhold
