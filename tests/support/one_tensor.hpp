// A file with one tensor, "w", of counted bytes.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <vector>

#include "support/scratch.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold::test {

struct OneTensor {
  OneTensor(Dtype dtype, const std::vector<std::uint64_t>& shape, Access access)
      : path(folder / "one.safetensors") {
    std::uint64_t bits = bits_of(dtype);
    for (const std::uint64_t extent : shape) bits *= extent;
    std::vector<std::byte> bytes(bits / 8);
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = static_cast<std::byte>(i * 131 + i / 251);
    const SaveTensor tensor("w", dtype, shape, bytes);
    save(path, {&tensor, 1}, std::nullopt, {.durable = false});
    file = open(path, {.access = access});
  }

  Scratch folder;
  std::string path;
  File file;
};

/// Name of a test's parameter.
inline std::string name_of(const ::testing::TestParamInfo<Access>& access) {
  return access.param == Access::mapped ? "mapped" : "owned";
}

}  // namespace tensorhold::test
