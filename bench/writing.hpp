// What the benchmarks of writing share: memory to write from, the fastest durable write, turns,
// medians. Linux.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace bench {

inline void require(bool good, const std::string& what) {
  if (!good) throw std::runtime_error(what + ": " + std::strerror(errno));
}

enum class Pages : std::uint8_t { plain, huge };

/// Filled memory that begins at a page; lives as long as the process.
inline std::span<std::byte> make_bytes(std::size_t size, Pages pages) {
  void* const memory =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  require(memory != MAP_FAILED, "mmap");
  (void)::madvise(memory, size, pages == Pages::huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  std::memset(memory, 3, size);
  return {static_cast<std::byte*>(memory), size};
}

/// A new file of `bytes`, preallocated, in writes of 8 MiB by `threads` threads. With O_DIRECT in
/// `flags` past the page cache, straight out of page-aligned memory, and synced: the device's
/// durable write.
inline void write_ceiling(const std::string& path, std::span<const std::byte> bytes, int flags,
                          unsigned threads) {
  constexpr std::size_t piece = std::size_t{8} << 20;
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | flags, 0644);
  require(file >= 0, "create " + path);
  (void)::fallocate(file, 0, 0, static_cast<off_t>(bytes.size()));
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> whole = true;
  const auto work = [&] {
    for (std::size_t at = 0; (at = next.fetch_add(piece)) < bytes.size();) {
      const std::size_t part = std::min(piece, bytes.size() - at);
      if (::pwrite(file, bytes.data() + at, part, static_cast<off_t>(at)) !=
          static_cast<ssize_t>(part))
        whole = false;
    }
  };
  std::vector<std::thread> others;
  for (unsigned i = 1; i < threads; ++i) others.emplace_back(work);
  work();
  for (std::thread& thread : others) thread.join();
  if ((flags & O_DIRECT) != 0) require(::fsync(file) == 0, "fsync");
  (void)::close(file);
  require(whole, "write " + path);
}

/// What takes turns: a name, what is done before, and what is timed.
struct Way {
  std::string name;
  std::function<void()> prepare;
  std::function<void()> work;
};

/// Seconds of each round by the name of the way, sorted.
using Seconds = std::map<std::string, std::vector<double>>;

inline Seconds take_turns(const std::vector<Way>& ways, int rounds) {
  Seconds seconds;
  for (int round = 0; round < rounds; ++round)
    for (const Way& way : ways) {
      if (way.prepare) way.prepare();
      const auto begin = std::chrono::steady_clock::now();
      way.work();
      seconds[way.name].push_back(
          std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
  for (auto& [name, values] : seconds) std::ranges::sort(values);
  return seconds;
}

/// `"seconds": {name: median, ...}` as a part of a JSON object.
inline void print_medians(const Seconds& seconds) {
  const char* separator = "";
  std::printf("\"seconds\": {");
  for (const auto& [name, values] : seconds)
    std::printf("%s\"%s\": %.6f", std::exchange(separator, ", "), name.c_str(),
                values[values.size() / 2]);
  std::printf("}");
}

}  // namespace bench
