// Edits in place of a large file, against the device: metadata within the room of the header
// against one durable write of 4 KiB, a tensor written over against the fastest durable write of as
// many bytes. Prints JSON; seconds are medians. Linux.
//
//   edit_bench [FOLDER [MIB [ROUNDS]]]     the file has MIB MiB
#include <cstdlib>
#include <filesystem>

#include "tensorhold/tensorhold.hpp"
#include "writing.hpp"

namespace {

namespace th = tensorhold;

constexpr std::size_t mebi = std::size_t{1} << 20;
constexpr std::size_t tensor_bytes = 256 * mebi;

void write_file(const std::string& path, std::size_t size, std::span<const std::byte> bytes) {
  const std::vector<std::uint64_t> shape{tensor_bytes};
  std::vector<std::string> names;
  std::vector<th::TensorLayout> layout;
  for (std::size_t i = 0; i < std::max(size / tensor_bytes, std::size_t{1}); ++i)
    names.push_back("t" + std::to_string(1000 + i));
  layout.reserve(names.size());
  for (const std::string& name : names) layout.push_back({name, th::Dtype::u8, shape});
  th::Writer writer(path, layout, th::Metadata{{"step", "0"}}, {.reserve_header = 4096});
  for (const std::string& name : names) writer.write(name, bytes);
  writer.commit();
}

/// A file of 4 KiB that is written again and again, durably.
class Sector {
 public:
  explicit Sector(const std::string& path)
      : path_(path), file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
    bench::require(file_ >= 0, "create " + path);
    write();
  }
  Sector(const Sector&) = delete;
  Sector& operator=(const Sector&) = delete;
  ~Sector() {
    (void)::close(file_);
    (void)::unlink(path_.c_str());
  }
  void write() {
    const std::vector<std::byte> bytes(4096);
    bench::require(::pwrite(file_, bytes.data(), bytes.size(), 0) == 4096, "write");
    bench::require(::fdatasync(file_) == 0, "fdatasync");
  }

 private:
  const std::string path_;
  const int file_;
};

int run(const std::string& folder, std::size_t size, int rounds) {
  const std::string path = folder + "/tensorhold-bench-edit.safetensors";
  const std::string other = folder + "/tensorhold-bench-other";
  const std::span<const std::byte> bytes = bench::make_bytes(tensor_bytes, bench::Pages::huge);
  const std::span<const std::byte> scattered =
      bench::make_bytes(tensor_bytes + 64, bench::Pages::plain).subspan(64);
  write_file(path, size, bytes);
  ::sync();
  const auto file_bytes = std::filesystem::file_size(path);
  int step = 0;
  bench::Seconds seconds;
  {
    Sector sector(other);
    seconds = bench::take_turns(
        {{"sector", {}, [&] { sector.write(); }},
         {"edit", [&] { ++step; },
          [&] {
            (void)th::edit_metadata(path, {.set = {{"step", std::to_string(step)}}, .remove = {}});
          }}},
        rounds * 5);
  }
  const auto prepare = [&] {
    std::filesystem::remove(other);
    ::sync();
  };
  seconds.merge(bench::take_turns(
      {{"tensor_ceiling", prepare, [&] { bench::write_ceiling(other, bytes, O_DIRECT, 2); }},
       {"overwrite", prepare, [&] { (void)th::overwrite(path, "t1000", scattered); }}},
      rounds));
  const th::File edited = th::open(path);
  const bool kept = edited.metadata("step") == std::to_string(step);
  prepare();
  std::filesystem::remove(path);
  bench::require(kept, "the last edit is not in the file");
  std::printf("{\"file_bytes\": %llu, \"tensor_bytes\": %zu, \"rounds\": %d, ",
              static_cast<unsigned long long>(file_bytes), tensor_bytes, rounds);
  bench::print_medians(seconds);
  std::printf("}\n");
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string folder = count > 1 ? arguments[1] : ".";
  const std::size_t mib =
      count > 2 ? std::strtoull(arguments[2], nullptr, 10) : std::size_t{10} << 10;
  const int rounds = count > 3 ? std::atoi(arguments[3]) : 7;
  try {
    return run(folder, mib * mebi, rounds);
  } catch (const std::exception& error) {
    (void)std::fprintf(stderr, "edit_bench: %s\n", error.what());
    return 1;
  }
}
