// Loads that the system gives too little memory.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <string>
#include <vector>

#include "support/child_posix.hpp"
#include "support/scratch.hpp"
#include "support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

std::size_t address_space() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

TEST(LoadRefused, WithMemoryForHalfOfItGivesThatBack) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer leaves too little address space";
#endif
  const test::Scratch scratch;
  test::Tensors tensors;
  for (int i = 0; i < 4; ++i)
    tensors.add(std::string(1, static_cast<char>('a' + i)), Dtype::u8, {16 * mebibyte},
                static_cast<std::uint8_t>(i));
  save(scratch / "model.safetensors", tensors.list());
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    Plan plan(open(scratch / "model.safetensors", {.access = Access::owned}));
    plan.add_all();
    const LoadOptions alone{.threads = 1};
    const std::size_t before = address_space();
    const rlimit limit{before + 40 * mebibyte, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_AS, &limit) != 0) return "skip: no limit of address space";
    const auto refused = plan.try_load(alone);
    if (refused) return "not refused";
    if (refused.error().code() != Code::out_of_memory) return refused.error().what();
    if (address_space() > before + 8 * mebibyte) return "memory was kept";
    const rlimit none{RLIM_INFINITY, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_AS, &none) != 0) return "no way back";
    const std::vector<Tensor> loaded = plan.load(alone);
    for (const Tensor& tensor : loaded) {
      const auto& saved = *std::ranges::find(tensors.list(), tensor.name(), &SaveTensor::name);
      if (!test::same_bytes(tensor.bytes(), saved.bytes)) return "wrong bytes";
    }
    return "";
  }));
}

}  // namespace
}  // namespace tensorhold
