#include "tensor/gather.hpp"

#include <algorithm>
#include <memory>
#include <vector>

namespace tensorhold::tensor {
namespace {

// Runs whose starts are no further apart are read together: reading a gap of less than a few pages
// costs less than another system call.
constexpr std::uint64_t near_bytes = std::uint64_t{16} << 10;
constexpr std::uint64_t buffer_bytes = std::uint64_t{256} << 10;

class Gatherer {
 public:
  explicit Gatherer(Bytes& bytes) : bytes_(bytes) {}

  /// One row of runs: the innermost loop.
  void row(std::uint64_t offset, std::uint64_t stride, std::uint64_t run, std::uint64_t count,
           std::byte* to) {
    if (count == 1 || stride > near_bytes) {
      for (std::uint64_t i = 0; i < count; ++i)
        bytes_.read(offset + i * stride, {to + i * run, static_cast<std::size_t>(run)});
      return;
    }
    if (!buffer_) buffer_ = std::make_unique_for_overwrite<std::byte[]>(buffer_bytes);
    // stride ≤ near_bytes and run ≤ stride, so at least one run fits.
    const std::uint64_t together = (buffer_bytes - run) / stride + 1;
    for (std::uint64_t done = 0; done < count; done += together) {
      const std::uint64_t some = std::min(together, count - done);
      const std::uint64_t span_bytes = (some - 1) * stride + run;
      bytes_.read(offset + done * stride, {buffer_.get(), static_cast<std::size_t>(span_bytes)});
      base::gather_row(buffer_.get(), stride, run, some, to + done * run);
    }
  }

 private:
  Bytes& bytes_;
  std::unique_ptr<std::byte[]> buffer_;
};

class BlockBytes final : public Bytes {
 public:
  BlockBytes(hold::Block& block, std::uint32_t index) : block_(block), index_(index) {}
  void read(std::uint64_t from, std::span<std::byte> out) override {
    block_.read(index_, from, out);
  }
  [[nodiscard]] const std::byte* in_memory() noexcept override {
    return block_.stable_data(index_);
  }

 private:
  hold::Block& block_;
  std::uint32_t index_;
};

}  // namespace

void gather(hold::Block& block, std::uint32_t index, const Runs& runs, std::span<std::byte> out) {
  if (block.read_runs(index, runs, out)) return;
  BlockBytes bytes(block, index);
  gather(bytes, runs, out);
}

void gather(Bytes& bytes, const Runs& runs, std::span<std::byte> out) {
  if (const std::byte* memory = bytes.in_memory(); memory != nullptr)
    return base::gather(memory, runs, out.data());
  Gatherer gatherer(bytes);
  if (runs.counts.empty()) {
    gatherer.row(runs.offset, runs.run_bytes, runs.run_bytes, 1, out.data());
    return;
  }
  const std::size_t outer = runs.counts.size() - 1;
  const std::uint64_t row_count = runs.counts[outer];
  const std::uint64_t row_bytes = row_count * runs.run_bytes;
  std::vector<std::uint64_t> at(outer, 0);  // odometer over the outer loops
  std::uint64_t offset = runs.offset;
  std::byte* to = out.data();
  for (;;) {
    gatherer.row(offset, runs.strides[outer], runs.run_bytes, row_count, to);
    to += row_bytes;
    std::size_t digit = outer;
    while (digit > 0) {
      --digit;
      offset += runs.strides[digit];
      if (++at[digit] < runs.counts[digit]) break;
      offset -= runs.counts[digit] * runs.strides[digit];
      at[digit] = 0;
      if (digit == 0) return;
    }
    if (outer == 0) return;
  }
}

}  // namespace tensorhold::tensor
