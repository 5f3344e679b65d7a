// What the demo works on: a small file with tensors of the given one, in a folder of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tensorhold/file.hpp"
#include "tensorhold/save.hpp"

namespace tensorhold::cli::demo {

/// The most that a demo reads of a file, and writes of one.
inline constexpr std::uint64_t most_bytes = std::uint64_t{16} << 20;

/// Position of the largest tensor that has bytes and is not larger than `most_bytes`.
[[nodiscard]] std::optional<std::size_t> pick_tensor(const File& file);

/// A new folder in `parent`, gone at the end with all that is in it.
class WorkFolder {
 public:
  explicit WorkFolder(const std::filesystem::path& parent);
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  ~WorkFolder();
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

/// Tensors of a file, at most `most_bytes` in all, to be written again and again. Where the file
/// has none that fits, one of its own.
class Sample {
 public:
  /// `picked` comes first; see pick_tensor().
  Sample(const File& file, std::optional<std::size_t> picked);
  Sample(const Sample&) = delete;  // list() borrows
  Sample& operator=(const Sample&) = delete;
  ~Sample() = default;

  [[nodiscard]] const std::vector<SaveTensor>& list() const noexcept { return list_; }
  /// The tensor that the demo follows.
  [[nodiscard]] const SaveTensor& first() const noexcept { return list_.front(); }
  /// Writes the file anew.
  void write(const std::filesystem::path& path) const;
  /// True when the file at `path` opens and has these tensors, byte by byte.
  [[nodiscard]] bool same_as(const std::filesystem::path& path) const;

 private:
  std::vector<Tensor> tensors_;  // what list_ borrows from
  std::vector<std::byte> own_;
  std::uint64_t own_shape_ = 0;
  std::vector<SaveTensor> list_;
};

}  // namespace tensorhold::cli::demo
