// Reading many tensors, or parts of them, into memory: as fast as the storage gives them, and
// within limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "tensorhold/error.hpp"
#include "tensorhold/export.hpp"
#include "tensorhold/file.hpp"
#include "tensorhold/options.hpp"
#include "tensorhold/slice.hpp"
#include "tensorhold/tensor.hpp"

namespace tensorhold {
inline namespace v0 {

/// Tensors that come one after the other, each as soon as it is in, while threads read those that
/// follow. One consumer at a time; destroying it ends the reading. Made by Plan::stream.
class TENSORHOLD_API TensorStream {
 public:
  struct Item {
    std::size_t index = 0;  ///< position in the plan
    Tensor tensor;          ///< owned, writable
  };

  TensorStream(TensorStream&&) noexcept;
  TensorStream& operator=(TensorStream&&) noexcept;
  ~TensorStream();

  /// Waits for the next tensor; std::nullopt after the last. Tensors come in no promised order,
  /// roughly as they lie in the file. Raises what Plan::load raises; after an error there is no
  /// next one, and tensors handed out before stay valid. Calls LoadOptions::progress.
  [[nodiscard]] std::optional<Item> next();
  [[nodiscard]] Result<std::optional<Item>> try_next() noexcept;

 private:
  friend class Plan;
  struct Impl;
  explicit TensorStream(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

/// What is wanted of a file. Filled by one thread, then used any number of times; the const members
/// are thread-safe. Keeps the File's handle, and no hold of its own.
///
///     Plan plan(file);
///     plan.add_all();                          // or names, or slices, in any order, also twice
///     std::vector<Tensor> tensors = plan.load();
class TENSORHOLD_API Plan {
 public:
  explicit Plan(const File& file);
  Plan(const Plan&);
  Plan(Plan&&) noexcept;
  Plan& operator=(Plan) noexcept;
  ~Plan();

  /// Every tensor, in offset order, which is that of File::at.
  void add_all();
  /// A tensor; returns its position in the plan. tensor_not_found as from File.
  std::size_t add(std::string_view name);
  /// A part of a tensor; invalid_slice as from Tensor::slice.
  std::size_t add(std::string_view name, std::initializer_list<Index> indices);
  std::size_t add(std::string_view name, std::span<const Index> indices);
  /// The tensor at a position in offset order. Precondition: index < File::size().
  std::size_t add_at(std::size_t index);

  /// Number of tensors and parts.
  [[nodiscard]] std::size_t size() const noexcept;
  /// Bytes of all of them.
  [[nodiscard]] std::uint64_t nbytes() const noexcept;
  /// What the tensor or part at a position will have; views into this Plan. Precondition: position
  /// < size().
  [[nodiscard]] Dtype dtype(std::size_t position) const noexcept;
  [[nodiscard]] std::span<const std::uint64_t> shape(std::size_t position) const& noexcept;
  std::span<const std::uint64_t> shape(std::size_t position) const&& = delete;
  [[nodiscard]] std::uint64_t nbytes(std::size_t position) const noexcept;

  /// Reads all of it: owned, writable tensors in the machine's byte order, aligned to 64 bytes, in
  /// order of addition. Dropping one gives its memory back. Raises io_error and unexpected_end with
  /// the tensor and the byte, memory_limit before it begins, out_of_memory, cancelled, closed,
  /// released; then nothing of it stays.
  [[nodiscard]] std::vector<Tensor> load(const LoadOptions& options = {}) const;
  [[nodiscard]] Result<std::vector<Tensor>> try_load(
      const LoadOptions& options = {}) const noexcept;

  /// As load(), into the caller's memory: one destination for each, of exactly its nbytes
  /// (size_differs). After an error any bytes may be in them.
  void load_into(std::span<const std::span<std::byte>> destinations,
                 const LoadOptions& options = {}) const;
  [[nodiscard]] Result<void> try_load_into(std::span<const std::span<std::byte>> destinations,
                                           const LoadOptions& options = {}) const noexcept;

  /// The same tensors one by one, for consumers that pass them on. Reading begins at once, and goes
  /// on for at most LoadOptions::memory_budget bytes that were not taken yet. The Plan may go
  /// first.
  [[nodiscard]] TensorStream stream(const LoadOptions& options = {}) const;

  /// Internal.
  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace v0
}  // namespace tensorhold
