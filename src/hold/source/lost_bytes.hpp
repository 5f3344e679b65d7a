// Bytes that are taken straight out of memory, which may be a mapping whose file becomes shorter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hold/block/block.hpp"

namespace tensorhold::hold {

class MappedBlock;

/// Copies to.size() bytes from `from` and returns how many were copied: fewer when some cannot be
/// had. What a file has and its mapping cannot show is read from the file. Raises io_error when
/// that fails. To be followed by LostBytes, as every other way of taking bytes.
[[nodiscard]] std::size_t take(const std::byte* from, std::span<std::byte> to);

/// Tells whether bytes were there when they were taken, to be asked afterwards: what a file lost of
/// its last page reads as zeros, and so does what a guard put zeros over. Each file is asked once,
/// so one of these is for bytes that were all taken before it is made. For one thread.
class LostBytes {
 public:
  LostBytes() = default;
  LostBytes(const LostBytes&) = delete;
  LostBytes& operator=(const LostBytes&) = delete;

  [[nodiscard]] bool any_of(std::span<const std::byte> taken);
  /// Raises damaged or truncated when some of them were lost. `path` is of the file that they are
  /// written to, `tensor` what they are there.
  void refuse(std::span<const std::byte> taken, const std::string& path, std::string_view tensor);
  /// The same about the file and the tensor that they were taken from.
  void refuse(std::span<const std::byte> taken);

 private:
  enum class Loss : std::uint8_t { none, damaged, truncated };
  [[nodiscard]] Loss loss_of(std::span<const std::byte> taken);
  [[nodiscard]] std::optional<std::uint64_t> lost_at(std::span<const std::byte> taken);

  struct Asked {
    BlockRef keep;
    const MappedBlock* block;
    std::optional<std::uint64_t> file_bytes;
  };
  std::vector<Asked> asked_;
};

}  // namespace tensorhold::hold
