// A file of ones, mapped for reading.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <string>

#include "support/scratch.hpp"

namespace tensorhold::test {

class Mapped {
 public:
  explicit Mapped(std::size_t bytes) : bytes_(bytes) {
    write_file(path(), std::string(bytes, '\1'));
    const int file = ::open(path().c_str(), O_RDONLY | O_CLOEXEC);
    void* const map = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, file, 0);
    (void)::close(file);
    if (map != MAP_FAILED) begin_ = static_cast<std::byte*>(map);
  }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;
  ~Mapped() { (void)::munmap(begin_, bytes_); }
  void touch() const {
    for (std::size_t at = 0; at < bytes_; at += 4096)
      (void)*const_cast<volatile const std::byte*>(begin_ + at);
  }
  void truncate(std::size_t bytes = 0) const { std::filesystem::resize_file(path(), bytes); }
  [[nodiscard]] std::string path() const { return folder_ / "f"; }
  [[nodiscard]] const std::byte* begin() const { return begin_; }

 private:
  Scratch folder_;
  std::size_t bytes_;
  std::byte* begin_ = nullptr;
};

}  // namespace tensorhold::test
