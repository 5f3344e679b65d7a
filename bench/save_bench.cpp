// Durable saves against the fastest durable write of as many bytes to the same folder, which take
// turns in one run. Prints JSON; seconds are medians. Linux.
//
//   save_bench [FOLDER [MIB [ROUNDS]]]
#include <cstdlib>
#include <filesystem>

#include "peak_memory.hpp"
#include "tensorhold/tensorhold.hpp"
#include "writing.hpp"

namespace {

namespace th = tensorhold;

constexpr std::size_t mebi = std::size_t{1} << 20;
constexpr std::size_t tensor_bytes = 16 * mebi;

/// Tensors of 16 MiB whose bytes begin `offset` bytes behind a page.
class Model {
 public:
  Model(std::size_t size, bench::Pages pages, std::size_t offset) {
    constexpr std::size_t page = 4096;
    const std::size_t count = std::max(size / tensor_bytes, std::size_t{1});
    const std::size_t step = tensor_bytes + (offset == 0 ? 0 : page);
    bytes_ = bench::make_bytes(count * step, pages);
    for (std::size_t i = 0; i < count; ++i) names_.push_back("t" + std::to_string(1000 + i));
    for (std::size_t i = 0; i < count; ++i) {
      tensors_.emplace_back(names_[i], th::Dtype::u8, shape_,
                            bytes_.subspan(i * step + offset, tensor_bytes));
      layout_.push_back({names_[i], th::Dtype::u8, shape_});
    }
  }
  [[nodiscard]] const std::vector<th::SaveTensor>& tensors() const { return tensors_; }
  [[nodiscard]] const std::vector<th::TensorLayout>& layout() const { return layout_; }
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  const std::vector<std::uint64_t> shape_{tensor_bytes};
  std::span<const std::byte> bytes_;
  std::vector<std::string> names_;
  std::vector<th::SaveTensor> tensors_;
  std::vector<th::TensorLayout> layout_;
};

int run(const std::string& folder, std::size_t size, int rounds) {
  const Model aligned(size, bench::Pages::huge, 0);
  // As malloc() and with it torch places large blocks: behind its own header, in small pages.
  const Model scattered(size, bench::Pages::plain, 64);
  const std::string path = folder + "/tensorhold-bench-save.safetensors";
  std::uint64_t before = bench::peak_memory();
  std::uint64_t extra = 0;
  const auto prepare = [&] {
    extra = std::max(extra, bench::peak_memory() - before);
    std::filesystem::remove(path);
    ::sync();  // nobody pays for the writes of another
    bench::reset_peak_memory();
    before = bench::peak_memory();
  };
  // The page cache in memory that was used just before: a machine that is virtual pays for other
  // memory.
  const auto prepare_cache = [&] {
    std::filesystem::remove(path);
    bench::write_ceiling(path, aligned.bytes(), 0, 1);
    prepare();
  };
  const auto write_each = [&](const Model& model) {
    th::Writer writer(path, model.layout());
    for (const th::SaveTensor& tensor : model.tensors()) writer.write(tensor.name, tensor.bytes);
    writer.commit();
  };
  const bench::Seconds seconds = bench::take_turns(
      {{"durable_ceiling", prepare,
        [&] { bench::write_ceiling(path, aligned.bytes(), O_DIRECT, 2); }},
       {"durable_save", prepare, [&] { th::save(path, scattered.tensors()); }},
       {"durable_save_aligned", prepare, [&] { th::save(path, aligned.tensors()); }},
       {"durable_writer", prepare, [&] { write_each(scattered); }},
       {"cache_ceiling", prepare_cache, [&] { bench::write_ceiling(path, aligned.bytes(), 0, 1); }},
       {"cache_save", prepare_cache,
        [&] { th::save(path, scattered.tensors(), std::nullopt, {.durable = false}); }}},
      rounds);
  prepare();
  std::printf("{\"bytes\": %zu, \"rounds\": %d, \"peak_extra_bytes\": %llu, ",
              aligned.bytes().size(), rounds, static_cast<unsigned long long>(extra));
  bench::print_medians(seconds);
  std::printf("}\n");
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string folder = count > 1 ? arguments[1] : ".";
  const std::size_t mib = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1024;
  const int rounds = count > 3 ? std::atoi(arguments[3]) : 7;
  try {
    return run(folder, mib * mebi, rounds);
  } catch (const std::exception& error) {
    (void)std::fprintf(stderr, "save_bench: %s\n", error.what());
    return 1;
  }
}
