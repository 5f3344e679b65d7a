// ./dev bench release: a release in place against the fastest fill of fresh memory from the same
// file, in the same run with the same threads, and what readers and writers notice of it. Prints a
// table. Linux.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "tensorhold/tensorhold.hpp"

namespace {

namespace th = tensorhold;
using Clock = std::chrono::steady_clock;

constexpr std::size_t tensors = 64;
constexpr std::size_t tensor_bytes = std::size_t{16} << 20;
constexpr std::size_t total_bytes = tensors * tensor_bytes;
constexpr std::size_t piece_bytes = std::size_t{8} << 20;
constexpr int rounds = 7;

double seconds_of(const std::function<void()>& work) {
  const auto begin = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

void make_file(const std::string& path) {
  const std::vector<std::byte> bytes(tensor_bytes, std::byte{3});
  const std::vector<std::uint64_t> shape{tensor_bytes};
  std::vector<std::string> names;
  for (std::size_t i = 0; i < tensors; ++i) names.push_back("t" + std::to_string(100 + i));
  std::vector<th::SaveTensor> list;
  for (const std::string& name : names) list.emplace_back(name, th::Dtype::u8, shape, bytes);
  th::save(path, list, std::nullopt, {.align = 4096, .durable = false});
}

struct Held {
  th::File file;
  std::vector<th::Tensor> all;
};

Held hold(const std::string& path) {
  Held held{th::open(path, {.access = th::Access::mapped}), {}};
  for (std::size_t i = 0; i < held.file.size(); ++i) held.all.push_back(held.file.at(i));
  return held;
}

/// Brings a mapping's pages into this process' tables, as use of the tensors would have.
void touch(const Held& held) {
  for (const th::Tensor& tensor : held.all)
    for (std::size_t at = 0; at < tensor.nbytes(); at += 4096)
      *const_cast<volatile const std::byte*>(tensor.bytes().data() + at);
}

void in_threads(unsigned threads, const std::function<void(std::size_t)>& piece) {
  std::atomic<std::size_t> next = 0;
  std::vector<std::thread> others;
  const auto work = [&] {
    for (std::size_t at = 0; (at = next.fetch_add(piece_bytes)) < total_bytes;) piece(at);
  };
  for (unsigned i = 1; i < threads; ++i) others.emplace_back(work);
  work();
  for (std::thread& thread : others) thread.join();
}

/// Fresh memory with huge pages, filled by `fill(at, to)`.
double fresh_fill(unsigned threads, const std::function<void(std::size_t, std::byte*)>& fill) {
  constexpr std::size_t huge = std::size_t{2} << 20;
  void* const room = ::mmap(nullptr, total_bytes + huge, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) return 1e9;
  const auto start = reinterpret_cast<std::uintptr_t>(room);
  auto* const begin = static_cast<std::byte*>(room) + (huge - start % huge) % huge;
  (void)::madvise(begin, total_bytes, MADV_HUGEPAGE);
  const double took =
      seconds_of([&] { in_threads(threads, [&](std::size_t at) { fill(at, begin + at); }); });
  (void)::munmap(room, total_bytes + huge);
  return took;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

struct Speeds {
  double pread;
  double memcpy;
  double release;
};

/// GB/s; the three take turns.
Speeds measure(const std::string& path, unsigned threads) {
  std::vector<double> by_pread;
  std::vector<double> by_memcpy;
  std::vector<double> by_release;
  const int descriptor = ::open(path.c_str(), O_RDONLY);
  for (int round = 0; round < rounds; ++round) {
    by_pread.push_back(fresh_fill(threads, [&](std::size_t at, std::byte* to) {
      for (std::size_t done = 0; done < piece_bytes;) {
        const ssize_t got = ::pread(descriptor, to + done, piece_bytes - done,
                                    static_cast<off_t>(4096 + at + done));
        if (got <= 0) break;
        done += static_cast<std::size_t>(got);
      }
    }));
    const Held held = hold(path);
    touch(held);
    const std::byte* const from = held.all.front().bytes().data();
    by_memcpy.push_back(fresh_fill(
        threads, [&](std::size_t at, std::byte* to) { std::memcpy(to, from + at, piece_bytes); }));
    by_release.push_back(seconds_of([&] { (void)held.file.release({.threads = threads}); }));
  }
  (void)::close(descriptor);
  const auto speed = [](const std::vector<double>& times) {
    return total_bytes / median(times) / 1e9;
  };
  return {speed(by_pread), speed(by_memcpy), speed(by_release)};
}

/// The longest time between two reads of one thread, in ms, with and without a release.
double longest_gap(const std::string& path, bool with_release) {
  const Held held = hold(path);
  touch(held);
  std::atomic<bool> stop = false;
  double longest = 0;
  std::thread reader([&] {
    const std::byte* const begin = held.all.front().bytes().data();
    auto before = Clock::now();
    for (std::size_t at = 0; !stop.load(std::memory_order_relaxed);
         at = (at + 12'345'678) % total_bytes) {
      *const_cast<volatile const std::byte*>(begin + at);
      const auto now = Clock::now();
      longest = std::max(longest, std::chrono::duration<double, std::milli>(now - before).count());
      before = now;
    }
  });
  if (with_release)
    (void)held.file.release({.threads = 1});
  else
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  stop.store(true);
  reader.join();
  return longest;
}

struct Pauses {
  double p50;
  double p99;
  double worst;
};

/// What one writer waits at a time, in ms, for writes that took longer than 50 us.
Pauses writer_pauses(const std::string& path) {
  const th::File file = th::open(path, {.access = th::Access::mapped});
  std::vector<th::Tensor> views;
  for (std::size_t i = 0; i < file.size(); ++i) views.push_back(file.writable(file.info(i).name));
  std::byte* const begin = views.front().writable_bytes().data();
  std::atomic<bool> stop = false;
  std::vector<double> waits;
  std::thread writer([&] {
    // Follows the release from one end to the other, over and over.
    for (std::size_t at = 0; !stop.load(std::memory_order_relaxed); at = (at + 64) % total_bytes) {
      const auto before = Clock::now();
      *const_cast<volatile std::byte*>(begin + at) = std::byte{9};
      const double ms = std::chrono::duration<double, std::milli>(Clock::now() - before).count();
      if (ms > 0.05) waits.push_back(ms);
    }
  });
  (void)file.release({.threads = 1});
  stop.store(true);
  writer.join();
  if (waits.empty()) return {0, 0, 0};
  std::ranges::sort(waits);
  return {waits[waits.size() / 2], waits[waits.size() * 99 / 100], waits.back()};
}

}  // namespace

int main() {
  const auto path = std::filesystem::temp_directory_path() / "tensorhold-bench-release.safetensors";
  make_file(path.string());
  std::printf("| threads | pread GB/s | memcpy GB/s | release GB/s | of the best fill |\n");
  std::printf("| ---: | ---: | ---: | ---: | ---: |\n");
  for (const unsigned threads : {1U, 2U}) {
    const Speeds speeds = measure(path.string(), threads);
    std::printf("| %u | %.1f | %.1f | %.1f | %.2f |\n", threads, speeds.pread, speeds.memcpy,
                speeds.release, speeds.release / std::max(speeds.pread, speeds.memcpy));
    (void)std::fflush(stdout);
  }
  std::vector<double> gaps;
  std::vector<double> idle;
  for (int round = 0; round < rounds; ++round) {
    gaps.push_back(longest_gap(path.string(), true));
    idle.push_back(longest_gap(path.string(), false));
  }
  std::printf(
      "\nLongest time between two reads of a reading thread, median of %d releases: %.2f ms (%.2f "
      "ms\nwithout a release).",
      rounds, median(gaps), median(idle));
  const Pauses pauses = writer_pauses(path.string());
  std::printf(" Pauses of a writing thread: p50 %.2f ms, p99 %.2f ms, longest %.2f ms.\n",
              pauses.p50, pauses.p99, pauses.worst);
  std::filesystem::remove(path);
}
