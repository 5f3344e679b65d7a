#include "cli/demo/sample.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <span>

namespace tensorhold::cli::demo {

std::optional<std::size_t> pick_tensor(const File& file) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < file.size(); ++i) {
    const std::uint64_t bytes = file.info(i).nbytes;
    if (bytes != 0 && bytes <= most_bytes && (!best || bytes > file.info(*best).nbytes)) best = i;
  }
  return best;
}

WorkFolder::WorkFolder(const std::filesystem::path& parent)
    : path_(parent / fmt::format("tensorhold-demo-{:08x}", std::random_device{}())) {
  std::filesystem::create_directory(path_);
}

WorkFolder::~WorkFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Sample::Sample(const File& file, std::optional<std::size_t> picked) {
  if (picked) {
    std::uint64_t bytes = file.info(*picked).nbytes;
    tensors_.push_back(file.at(*picked));
    for (std::size_t i = 0; i < file.size(); ++i) {
      if (i == *picked || bytes + file.info(i).nbytes > most_bytes) continue;
      bytes += file.info(i).nbytes;
      tensors_.push_back(file.at(i));
    }
    for (const Tensor& tensor : tensors_) list_.emplace_back(tensor);
  } else {
    own_.resize(std::size_t{64} << 10);
    for (std::size_t i = 0; i < own_.size(); ++i) own_[i] = static_cast<std::byte>(i * 31);
    own_shape_ = own_.size();
    list_.emplace_back("weight", Dtype::u8, std::span(&own_shape_, 1), own_);
  }
}

void Sample::write(const std::filesystem::path& path) const {
  save(path, list_, std::nullopt, {.durable = false});
}

bool Sample::same_as(const std::filesystem::path& path) const {
  const File file = open(path);
  return file.size() == list_.size() && std::ranges::all_of(list_, [&](const SaveTensor& saved) {
           const Tensor tensor = file[saved.name];
           return tensor.dtype() == saved.dtype && std::ranges::equal(tensor.bytes(), saved.bytes);
         });
}

}  // namespace tensorhold::cli::demo
