// Descriptors that are no files to read, and files for which there is no address space.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <string>

#include "../support/child_posix.hpp"
#include "../support/scratch.hpp"
#include "../support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::Scratch;

/// Of opening the descriptor, which is closed then.
Code refusal(int descriptor) {
  EXPECT_GE(descriptor, 0);
  Code code{};
  try {
    (void)open_fd(descriptor);
  } catch (const Error& error) {
    EXPECT_FALSE(error.advice().empty());
    code = error.code();
  }
  (void)::close(descriptor);
  return code;
}

TEST(OpenDescriptor, RefusesWhatCannotBeRead) {
  const Scratch scratch;
  const std::string path = scratch / "f";
  save(path, test::some_tensors(1).list());
  const std::string folder = scratch.folder().string();
  EXPECT_EQ(refusal(::open(path.c_str(), O_RDONLY)), Code{});
  EXPECT_EQ(refusal(::open(path.c_str(), O_RDWR)), Code{});
  EXPECT_EQ(refusal(::open(path.c_str(), O_WRONLY)), Code::invalid_argument);
  EXPECT_EQ(refusal(::open(folder.c_str(), O_RDONLY)), Code::invalid_argument);
#ifdef O_PATH
  EXPECT_EQ(refusal(::open(path.c_str(), O_PATH)), Code::invalid_argument);
  EXPECT_EQ(refusal(::open(folder.c_str(), O_PATH)), Code::invalid_argument);
#endif
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  EXPECT_EQ(refusal(pipe[0]), Code::invalid_argument);
  EXPECT_EQ(refusal(pipe[1]), Code::invalid_argument);
  const int closed = ::open(path.c_str(), O_RDONLY);
  (void)::close(closed);
  EXPECT_EQ(refusal(closed), Code::invalid_argument);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // their shadow is mapped too
TEST(OpenLimited, AutomaticAccessReadsWhatCannotBeMapped) {
  const Scratch scratch;
  const std::string path = scratch / "f";
  constexpr std::uint64_t rows = std::uint64_t{1} << 20;
  const std::string header =
      R"({"big":{"dtype":"U8","shape":[1048576,4096],"data_offsets":[0,4294967296]}})";
  std::string prefix(8, '\0');
  prefix[0] = static_cast<char>(header.size());
  test::write_file(path, prefix + header);
  std::filesystem::resize_file(path, 8 + header.size() + rows * 4096);  // a hole
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    const rlimit limit{std::uint64_t{3} << 30, std::uint64_t{3} << 30};
    if (::setrlimit(RLIMIT_AS, &limit) != 0) return "skip: no such limit";
    const File file = open(path);
    if (file.access() != Access::owned) return "mapped";
    if (file.why().find("address space") == std::string::npos) return std::string(file.why());
    const Tensor row = file["big"].slice({{5, 6}, all}).copy();
    if (row.nbytes() != 4096) return "another row";
    const Result<File> mapped = try_open(path, {.access = Access::mapped});
    return !mapped && mapped.error().code() == Code::out_of_memory ? "" : "mapped, as asked";
  }));
}
#endif

}  // namespace
}  // namespace tensorhold
