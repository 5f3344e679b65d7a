// Durable saves against the fastest durable write of the same bytes to the same folder, which take
// turns in one run. Prints JSON; seconds are medians. Linux.
//
//   save_bench [FOLDER [BYTES [ROUNDS]]]
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tensorhold/tensorhold.hpp"

namespace {

namespace th = tensorhold;
using Clock = std::chrono::steady_clock;

constexpr std::size_t chunk_bytes = std::size_t{8} << 20;
constexpr std::size_t tensor_bytes = std::size_t{16} << 20;

double seconds_of(const std::function<void()>& work) {
  const auto begin = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// What the process has taken at most since reset_peak(), in bytes.
std::uint64_t peak() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::strtoull(line.c_str() + 6, nullptr, 10) * 1024;
  return 0;
}

void reset_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

/// The bytes of all tensors, with huge pages; page-aligned, as the ceiling needs them.
std::span<const std::byte> make_bytes(std::size_t size) {
  void* const memory =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("no memory");
  (void)::madvise(memory, size, MADV_HUGEPAGE);
  std::memset(memory, 3, size);
  return {static_cast<const std::byte*>(memory), size};
}

/// Preallocated, past the page cache, by two threads, straight out of aligned memory.
void write_ceiling(const std::string& path, std::span<const std::byte> bytes, int flags,
                   unsigned threads) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | flags, 0644);
  if (file < 0) throw std::runtime_error("cannot create " + path);
  (void)::fallocate(file, 0, 0, static_cast<off_t>(bytes.size()));
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t at = 0; (at = next.fetch_add(chunk_bytes)) < bytes.size();)
      if (::pwrite(file, bytes.data() + at, std::min(chunk_bytes, bytes.size() - at),
                   static_cast<off_t>(at)) < 0)
        std::abort();
  };
  std::vector<std::thread> others;
  for (unsigned i = 1; i < threads; ++i) others.emplace_back(work);
  work();
  for (std::thread& thread : others) thread.join();
  if ((flags & O_DIRECT) != 0 && ::fsync(file) != 0) std::abort();
  (void)::close(file);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

int run(const std::string& folder, std::size_t size, int rounds) {
  const std::span<const std::byte> bytes = make_bytes(size);
  const std::string path = folder + "/tensorhold-bench-save.safetensors";
  std::vector<std::string> names;
  std::vector<th::TensorLayout> layout;
  std::vector<th::SaveTensor> tensors;
  const std::vector<std::uint64_t> shape{tensor_bytes};
  for (std::size_t i = 0; i < size / tensor_bytes; ++i)
    names.push_back("t" + std::to_string(1000 + i));
  for (std::size_t i = 0; i < names.size(); ++i) {
    tensors.emplace_back(names[i], th::Dtype::u8, shape,
                         bytes.subspan(i * tensor_bytes, tensor_bytes));
    layout.push_back({names[i], th::Dtype::u8, shape});
  }
  std::uint64_t extra = 0;
  const auto measured = [&extra](const std::function<void()>& work) {
    reset_peak();
    const std::uint64_t before = peak();
    work();
    extra = std::max(extra, peak() - before);
  };
  const std::vector<std::pair<std::string, std::function<void()>>> ways{
      {"durable_ceiling", [&] { write_ceiling(path, bytes, O_DIRECT, 2); }},
      {"durable_save", [&] { measured([&] { th::save(path, tensors); }); }},
      {"durable_writer",
       [&] {
         th::Writer writer(path, layout);
         for (const th::SaveTensor& tensor : tensors) writer.write(tensor.name, tensor.bytes);
         writer.commit();
       }},
      {"cache_ceiling", [&] { write_ceiling(path, bytes, 0, 1); }},
      {"cache_save",
       [&] { measured([&] { th::save(path, tensors, std::nullopt, {.durable = false}); }); }}};
  std::map<std::string, std::vector<double>> seconds;
  for (int round = 0; round < rounds; ++round)
    for (const auto& [name, work] : ways) {
      std::filesystem::remove(path);
      ::sync();  // nobody pays for the writes of another
      seconds[name].push_back(seconds_of(work));
    }
  std::filesystem::remove(path);
  std::printf("{\"bytes\": %zu, \"rounds\": %d, \"peak_extra_bytes\": %llu, \"seconds\": {", size,
              rounds, static_cast<unsigned long long>(extra));
  const char* separator = "";
  for (const auto& [name, work] : ways) {
    std::printf("%s\"%s\": %.4f", std::exchange(separator, ", "), name.c_str(),
                median(seconds[name]));
  }
  std::printf("}, \"durable_of_ceiling\": %.3f, \"cache_of_ceiling\": %.3f}\n",
              median(seconds["durable_ceiling"]) / median(seconds["durable_save"]),
              median(seconds["cache_ceiling"]) / median(seconds["cache_save"]));
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string folder = count > 1 ? arguments[1] : ".";
  const std::size_t size =
      count > 2 ? std::strtoull(arguments[2], nullptr, 10) : std::size_t{2} << 30;
  const int rounds = count > 3 ? std::atoi(arguments[3]) : 5;
  try {
    return run(folder, std::max(size / tensor_bytes, std::size_t{1}) * tensor_bytes, rounds);
  } catch (const std::exception& error) {
    (void)std::fprintf(stderr, "save_bench: %s\n", error.what());
    return 1;
  }
}
