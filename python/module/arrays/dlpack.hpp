// The DLPack structures, as the Python array API's exchange protocol lays them down.
// https://dmlc.github.io/dlpack/latest/
#pragma once

#include <cstdint>
#include <optional>

#include "tensorhold/dtype.hpp"

namespace tensorhold_python::dlpack {

struct Device {
  std::int32_t type;
  std::int32_t id;
};
inline constexpr Device cpu{1, 0};

struct DataType {
  std::uint8_t code;
  std::uint8_t bits;
  std::uint16_t lanes;
};

/// None for dtypes whose packing consumers do not agree on (dlpack.cpp).
[[nodiscard]] std::optional<DataType> data_type(tensorhold::Dtype dtype) noexcept;

struct Array {
  void* data;
  Device device;
  std::int32_t ndim;
  DataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;  // in elements
  std::uint64_t byte_offset;
};

struct Managed {
  Array array;
  void* manager;
  void (*deleter)(Managed*);
};

struct Version {
  std::uint32_t major;
  std::uint32_t minor;
};
// The first one with the 8-bit floats.
inline constexpr Version version{1, 1};
inline constexpr std::uint64_t flag_copied = 2;

struct ManagedVersioned {
  Version version;
  void* manager;
  void (*deleter)(ManagedVersioned*);
  std::uint64_t flags;
  Array array;
};

}  // namespace tensorhold_python::dlpack
