// io_bench make|warm|cold|latency|part|slices|small FILE [--mib N] [--rounds N] [--threads N]
//
// The read side against ceilings that are measured in the same run, in turn; medians, as one line
// of JSON. `make` writes a file of N MiB for the others (`small`: 30,000 small tensors). `cold`
// needs a file on a real disk, `latency` one on a mount that answers late (tests/lockfs
// --latency-us 500).
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "peak_memory.hpp"
#include "tensorhold/tensorhold.hpp"

namespace {

namespace th = tensorhold;

constexpr std::size_t mebibyte = std::size_t{1} << 20;
constexpr std::size_t unit = 8 * mebibyte;
constexpr std::size_t huge_page = 2 * mebibyte;

struct Settings {
  std::string command;
  std::string path;
  std::size_t mib = 2048;
  unsigned rounds = 7;
  unsigned threads = std::max(1U, std::thread::hardware_concurrency());
};

void require(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

/// A descriptor of the file that is measured.
class Descriptor {
 public:
  explicit Descriptor(const std::string& path, int flags = 0)
      : number_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags)) {
    require(number_ >= 0, "open");
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { (void)::close(number_); }
  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] std::size_t size() const {
    struct stat status {};
    require(::fstat(number_, &status) == 0, "fstat");
    return static_cast<std::size_t>(status.st_size);
  }

 private:
  int number_;
};

/// Fresh memory with huge pages, as the best way of owning bytes has it.
class Fresh {
 public:
  explicit Fresh(std::size_t bytes) : bytes_((bytes + huge_page - 1) / huge_page * huge_page) {
    void* const got = ::mmap(nullptr, bytes_ + huge_page, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    require(got != MAP_FAILED, "mmap");
    first_ = static_cast<std::byte*>(got);
    const std::size_t off = reinterpret_cast<std::uintptr_t>(first_) % huge_page;
    data_ = first_ + (huge_page - off) % huge_page;
    (void)::madvise(data_, bytes_, MADV_HUGEPAGE);
  }
  Fresh(const Fresh&) = delete;
  Fresh& operator=(const Fresh&) = delete;
  ~Fresh() { (void)::munmap(first_, bytes_ + huge_page); }
  [[nodiscard]] std::byte* data() const { return data_; }

 private:
  std::size_t bytes_;
  std::byte* first_ = nullptr;
  std::byte* data_ = nullptr;
};

/// Calls work(begin, end) for all units of `bytes`, on several threads.
template <class Work>
void in_units(std::size_t bytes, unsigned threads, Work work) {
  std::atomic<std::size_t> next = 0;
  std::vector<std::thread> crew;
  for (unsigned i = 0; i < threads; ++i)
    crew.emplace_back([&] {
      for (std::size_t at = 0; (at = next.fetch_add(unit)) < bytes;)
        work(at, std::min(at + unit, bytes));
    });
  for (std::thread& thread : crew) thread.join();
}

void read_all(int file, std::byte* to, std::size_t begin, std::size_t end) {
  while (begin < end) {
    const ssize_t got = ::pread(file, to, end - begin, static_cast<off_t>(begin));
    require(got > 0, "pread");
    begin += static_cast<std::size_t>(got);
    to += got;
  }
}

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// What is measured in turn: a name, what is done before, and what is timed. What the work returns
/// is freed outside of the time.
using Kept = std::shared_ptr<void>;
struct Way {
  std::string name;
  std::function<void()> prepare;
  std::function<Kept()> work;
};

void measure(const Settings& settings, const std::vector<Way>& ways, std::size_t bytes,
             const std::string& more = "") {
  std::map<std::string, std::vector<double>> seconds;
  for (unsigned round = 0; round < settings.rounds; ++round)
    for (const Way& way : ways) {
      if (way.prepare) way.prepare();
      Kept kept;
      seconds[way.name].push_back(seconds_of([&] { kept = way.work(); }));
    }
  std::printf(R"({"bench": "%s", "bytes": %zu, "threads": %u, "rounds": %u, "seconds": {)",
              settings.command.c_str(), bytes, settings.threads, settings.rounds);
  const char* separator = "";
  for (const Way& way : ways) {
    std::vector<double>& all = seconds[way.name];
    std::ranges::sort(all);
    std::printf(R"(%s"%s": {"median": %.5f, "best": %.5f})", separator, way.name.c_str(),
                all[all.size() / 2], all.front());
    separator = ", ";
  }
  std::printf("}%s}\n", more.c_str());
}

std::shared_ptr<std::vector<th::Tensor>> load_all(const std::string& path, unsigned threads = 0) {
  const th::File file = th::open(path, {.access = th::Access::owned});
  th::Plan plan(file);
  plan.add_all();
  return std::make_shared<std::vector<th::Tensor>>(plan.load({.threads = threads}));
}

void make(const Settings& settings) {
  const bool small = settings.command == "make-small";
  // Large: what a transformer has, big matrices with a few vectors between.
  std::vector<std::uint64_t> sizes;
  if (small) {
    for (std::size_t i = 0; i < 30'000; ++i) sizes.push_back(64 + i % 17 * 256);
  } else {
    for (std::size_t left = settings.mib * mebibyte; left > 0;) {
      const std::size_t wanted = sizes.size() % 8 == 7   ? 8192
                                 : sizes.size() % 8 == 6 ? 8 * mebibyte
                                                         : 32 * mebibyte;
      sizes.push_back(std::min(wanted, left));
      left -= sizes.back();
    }
  }
  std::vector<std::byte> bytes(*std::ranges::max_element(sizes));
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::byte>(i * 31 + i / 251);
  std::vector<std::string> names;
  std::vector<std::vector<std::uint64_t>> shapes;
  for (const std::uint64_t size : sizes) {
    names.push_back("layers." + std::to_string(names.size()) + ".weight");
    if (size % 4096 == 0)
      shapes.push_back({size / 4096, 4096});
    else
      shapes.push_back({size});
  }
  std::vector<th::SaveTensor> tensors;
  for (std::size_t i = 0; i < sizes.size(); ++i)
    tensors.emplace_back(names[i], th::Dtype::u8, shapes[i],
                         std::span(bytes).first(static_cast<std::size_t>(sizes[i])));
  th::save(settings.path, tensors);
}

void warm(const Settings& settings) {
  const Descriptor file(settings.path);
  // The tensors' bytes from where they lie: what begins inside a cache line copies slower.
  const th::File tensors = th::open(settings.path);
  const auto first = static_cast<std::size_t>(tensors.info(0).offset);
  const std::size_t bytes = file.size() - first;
  void* const map =
      ::mmap(nullptr, file.size(), PROT_READ, MAP_PRIVATE | MAP_POPULATE, file.get(), 0);
  require(map != MAP_FAILED, "mmap");
  const auto* const mapped = static_cast<const std::byte*>(map) + first;
  measure(
      settings,
      {{"pread",
        {},
        [&]() -> Kept {
          auto memory = std::make_shared<Fresh>(bytes);
          in_units(bytes, settings.threads, [&](std::size_t begin, std::size_t end) {
            read_all(file.get(), memory->data() + begin, first + begin, first + end);
          });
          return memory;
        }},
       {"memcpy",
        {},
        [&]() -> Kept {
          auto memory = std::make_shared<Fresh>(bytes);
          in_units(bytes, settings.threads, [&](std::size_t begin, std::size_t end) {
            std::memcpy(memory->data() + begin, mapped + begin, end - begin);
          });
          return memory;
        }},
       {"load", {}, [&]() -> Kept { return load_all(settings.path); }},
       {"load_threads", {}, [&]() -> Kept { return load_all(settings.path, settings.threads); }},
       {"stream",
        {},
        [&]() -> Kept {
          const th::File opened = th::open(settings.path);
          th::Plan plan(opened);
          plan.add_all();
          th::TensorStream stream = plan.stream();
          auto all = std::make_shared<std::vector<th::Tensor>>();
          while (auto next = stream.next()) all->push_back(std::move(next->tensor));
          return all;
        }},
       {"map_and_copy",
        {},
        [&]() -> Kept {
          const th::File opened = th::open(settings.path, {.access = th::Access::mapped});
          auto all = std::make_shared<std::vector<th::Tensor>>();
          for (std::size_t i = 0; i < opened.size(); ++i) all->push_back(opened.at(i).copy());
          return all;
        }}},
      bytes);
  (void)::munmap(map, file.size());
}

/// Makes the system forget the file's pages.
void forget(const std::string& path) {
  const Descriptor file(path);
  (void)::fdatasync(file.get());
  require(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED) == 0, "fadvise");
}

/// All whole blocks of the file past the cache: into `memory`, or, where that is null, over and
/// over into a buffer of each thread.
Kept read_direct(const std::string& path, unsigned threads, std::byte* memory) {
  const Descriptor file(path, O_DIRECT);
  const std::size_t bytes = file.size() / 4096 * 4096;
  in_units(bytes, threads, [&](std::size_t begin, std::size_t end) {
    if (memory != nullptr) return read_all(file.get(), memory + begin, begin, end);
    thread_local const Fresh buffer(unit);
    read_all(file.get(), buffer.data(), begin, end);
  });
  return nullptr;
}

Kept touch_mapped(const std::string& path) {
  const Descriptor file(path);
  const std::size_t bytes = file.size();
  void* const map = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, file.get(), 0);
  require(map != MAP_FAILED, "mmap");
  auto memory = std::make_shared<std::vector<std::byte>>(bytes);
  std::memcpy(memory->data(), map, bytes);
  (void)::munmap(map, bytes);
  return memory;
}

/// What a load takes of memory beside its tensors.
std::uint64_t extra_memory(const std::string& path) {
  bench::reset_peak_memory();
  const std::uint64_t before = bench::peak_memory();
  const auto tensors = load_all(path);
  std::uint64_t bytes = 0;
  for (const th::Tensor& tensor : *tensors) bytes += tensor.nbytes();
  const std::uint64_t taken = bench::peak_memory() - before;
  return taken > bytes ? taken - bytes : 0;
}

void cold(const Settings& settings) {
  const auto before = [&] { forget(settings.path); };
  const std::size_t bytes = Descriptor(settings.path).size();
  // Touched before it is measured. The disk is slower here: no processor has it at hand.
  const Fresh memory(bytes);
  std::memset(memory.data(), 1, bytes);
  std::vector<Way> ways;
  for (const unsigned threads : {1U, 2U, 4U, 8U}) {
    const std::string number = std::to_string(threads);
    ways.push_back({"direct_" + number, before,
                    [&settings, threads] { return read_direct(settings.path, threads, nullptr); }});
    ways.push_back({"fill_" + number, before, [&settings, &memory, threads] {
                      return read_direct(settings.path, threads, memory.data());
                    }});
  }
  ways.push_back({"load", before, [&]() -> Kept { return load_all(settings.path); }});
  ways.push_back({"map", before, [&] { return touch_mapped(settings.path); }});
  before();
  const std::uint64_t extra = extra_memory(settings.path);
  measure(settings, ways, bytes, ", \"extra_memory\": " + std::to_string(extra));
}

void latency(const Settings& settings) {
  const auto before = [&] { forget(settings.path); };
  measure(settings,
          {{"load", before, [&]() -> Kept { return load_all(settings.path); }},
           {"map", before, [&] { return touch_mapped(settings.path); }}},
          Descriptor(settings.path).size());
}

/// Bytes that this process has read by system calls.
std::uint64_t read_so_far() {
  std::uint64_t bytes = 0;
  if (std::FILE* const file = std::fopen("/proc/self/io", "r")) {
    if (std::fscanf(file, "rchar: %lu", &bytes) != 1) bytes = 0;
    (void)std::fclose(file);
  }
  return bytes;
}

void part(const Settings& settings) {
  const th::File file = th::open(settings.path, {.access = th::Access::owned});
  th::Plan plan(file);
  for (std::size_t i = 0; i < file.size(); i += 20) plan.add_at(i);
  const std::uint64_t before = read_so_far();
  (void)plan.load();
  const std::uint64_t read = read_so_far() - before;
  measure(settings,
          {{"load", [&] { forget(settings.path); },
            [&]() -> Kept { return std::make_shared<std::vector<th::Tensor>>(plan.load()); }}},
          static_cast<std::size_t>(plan.nbytes()),
          ", \"file_bytes\": " + std::to_string(file.file_bytes()) +
              ", \"read\": " + std::to_string(read));
}

void slices(const Settings& settings) {
  const th::File file = th::open(settings.path, {.access = th::Access::owned});
  const auto plan_of = [&](std::initializer_list<th::Index> indices) {
    th::Plan plan(file);
    for (std::size_t i = 0; i < file.size(); ++i)
      if (file.info(i).shape.size() == 2) plan.add(file.info(i).name, indices);
    return plan;
  };
  const th::Plan rows = plan_of({{0, th::none, 8}});
  const th::Plan columns = plan_of({th::all, {0, 2048}});
  const th::Plan halves = plan_of({th::all, {0, th::none, 2}});
  const auto load = [](const th::Plan& plan) {
    return [&plan]() -> Kept { return std::make_shared<std::vector<th::Tensor>>(plan.load()); };
  };
  measure(settings,
          {{"all", {}, [&]() -> Kept { return load_all(settings.path); }},
           {"every_8th_row", {}, load(rows)},
           {"left_half", {}, load(columns)},
           {"every_2nd_column", {}, load(halves)}},
          Descriptor(settings.path).size());
}

void small(const Settings& settings) {
  const Descriptor file(settings.path);
  const std::size_t bytes = file.size();
  const th::File opened = th::open(settings.path);
  measure(settings,
          {{"pread_fresh",
            {},
            [&]() -> Kept {
              // Plain pages, as small tensors have them.
              auto memory = std::shared_ptr<std::byte[]>(new std::byte[bytes]);
              read_all(file.get(), memory.get(), 0, bytes);
              return memory;
            }},
           {"load",
            {},
            [&]() -> Kept {
              th::Plan plan(opened);
              plan.add_all();
              return std::make_shared<std::vector<th::Tensor>>(plan.load());
            }}},
          bytes, ", \"tensors\": " + std::to_string(opened.size()));
}

Settings settings_of(int count, char** words) {
  Settings settings;
  std::vector<std::string> plain;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const auto number = [&] { return std::strtoul(i + 1 < count ? words[++i] : "0", nullptr, 10); };
    if (word == "--mib")
      settings.mib = number();
    else if (word == "--rounds")
      settings.rounds = static_cast<unsigned>(number());
    else if (word == "--threads")
      settings.threads = static_cast<unsigned>(number());
    else
      plain.push_back(word);
  }
  if (plain.size() != 2 || settings.rounds == 0 || settings.threads == 0 || settings.mib == 0)
    throw std::runtime_error("usage: io_bench COMMAND FILE [--mib N] [--rounds N] [--threads N]");
  settings.command = plain[0];
  settings.path = plain[1];
  return settings;
}

}  // namespace

int main(int count, char** words) {
  try {
    const Settings settings = settings_of(count, words);
    const std::map<std::string, void (*)(const Settings&)> commands{
        {"make", make},       {"make-small", make}, {"warm", warm},     {"cold", cold},
        {"latency", latency}, {"part", part},       {"slices", slices}, {"small", small}};
    const auto found = commands.find(settings.command);
    if (found == commands.end()) throw std::runtime_error("no such command: " + settings.command);
    found->second(settings);
    return 0;
  } catch (const std::exception& error) {
    (void)std::fprintf(stderr, "io_bench: %s\n", error.what());
    return 1;
  }
}
