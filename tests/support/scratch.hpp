// A folder for one test, gone at its end.
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <system_error>
#include <vector>

namespace tensorhold::test {

class Scratch {
 public:
  Scratch() {
    std::random_device random;
    folder_ = std::filesystem::temp_directory_path() /
              ("tensorhold-test-" + std::to_string(random()) + std::to_string(random()));
    std::filesystem::create_directory(folder_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::permissions(folder_, std::filesystem::perms::owner_all, ignored);
    std::filesystem::remove_all(folder_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] std::string operator/(const std::string& name) const {
    return (folder_ / name).string();
  }
  /// Names in the folder, sorted.
  [[nodiscard]] std::vector<std::string> names() const { return names_in(folder_); }
  [[nodiscard]] static std::vector<std::string> names_in(const std::filesystem::path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
  }

 private:
  std::filesystem::path folder_;
};

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string bytes;
  constexpr std::size_t block = std::size_t{1} << 20;
  for (std::size_t done = 0; in;
       done += static_cast<std::size_t>(in.gcount()), bytes.resize(done)) {
    bytes.resize(done + block);
    in.read(bytes.data() + done, block);
  }
  return bytes;
}

inline void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace tensorhold::test
