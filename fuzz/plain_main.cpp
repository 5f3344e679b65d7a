// Stands in for libFuzzer where it is missing: runs the target on every file given, and on those of
// folders given, and then on simple variations of each.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::size_t runs = 0;

void run(const std::string& bytes) {
  (void)LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  ++runs;
}

void run_variations(const std::string& bytes) {
  run(bytes);
  std::minstd_rand random(1);
  for (int i = 0; i < 200 && !bytes.empty(); ++i) {
    std::string changed = bytes;
    const std::size_t at = random() % bytes.size();
    if (i % 3 == 0)
      changed.erase(at, 1 + random() % 4);
    else if (i % 3 == 1)
      changed[at] = static_cast<char>(random());
    else
      changed.insert(at, bytes, random() % bytes.size(), random() % 8);
    run(changed);
  }
}

void run_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  run_variations(std::string((std::istreambuf_iterator<char>(file)), {}));
}

}  // namespace

int main(int count, char** arguments) {
  run("");
  for (int i = 1; i < count; ++i) {
    const std::filesystem::path path = arguments[i];
    if (!std::filesystem::is_directory(path)) {
      if (std::filesystem::exists(path)) run_file(path);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(path))
      if (entry.is_regular_file()) run_file(entry.path());
  }
  std::printf("%zu runs\n", runs);
  return 0;
}
