// The bytes of a file in the order in which they stand there, in few and large writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "os/write.hpp"
#include "tensorhold/dtype.hpp"

namespace tensorhold::io {

/// Gathers parts and writes them many at a time, without copying them: a file of a million small
/// tensors takes a few thousand writes, and a large tensor goes from where it is. Borrows the
/// temporary and every part until flush().
class SaveStream {
 public:
  explicit SaveStream(os::Temporary& temporary) : temporary_(temporary) {}

  void append(std::span<const std::byte> part);
  /// Appends elements in the byte order of the machine; the file's is little-endian.
  void append(Dtype dtype, std::span<const std::byte> elements);
  /// Writes what is gathered; must be called last.
  void flush();

 private:
  void append_swapped(Dtype dtype, std::span<const std::byte> elements);

  os::Temporary& temporary_;
  std::vector<std::span<const std::byte>> parts_;
  std::vector<std::byte> staging_;
  std::uint64_t written_ = 0;
  std::uint64_t gathered_ = 0;
};

}  // namespace tensorhold::io
