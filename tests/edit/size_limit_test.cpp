// Under a limit on file sizes (ulimit -f), which the system enforces by a signal that ends the
// process: every write of the library is refused with no_space instead, and changes nothing.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <functional>
#include <string>

#include "../support/child_posix.hpp"
#include "../support/scratch.hpp"
#include "../support/tensors.hpp"
#include "tensorhold/edit.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::Scratch;
using test::some_tensors;
namespace fs = std::filesystem;

/// The code of the error of `work` in a process whose files may have 100,000 bytes.
std::string limited(const std::function<void()>& work) {
  return test::in_child([&]() -> std::string {
    const rlimit limit{100'000, 100'000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return "skip: no such limit";
    try {
      work();
      return "done";
    } catch (const Error& error) {
      return std::string(to_string(error.code()));
    }
  });
}

class SizeLimit : public ::testing::Test {
 protected:
  /// A model whose last tensor is small, and stands beyond the limit.
  void SetUp() override {
    tensors_.add("a", Dtype::u8, {300'000}, 1);
    tensors_.add("z", Dtype::u8, {100}, 1);
    other_.add("z", Dtype::u8, {100}, 9);
    save(path_, tensors_.list(), Metadata{{"k", "v"}}, {.reserve_header = 100});
    bytes_ = test::read_file(path_);
  }
  void expect_as_it_was() const {
    EXPECT_TRUE(test::read_file(path_) == bytes_);
    EXPECT_EQ(scratch_.names(), std::vector<std::string>{"f"});
  }
  const Scratch scratch_;
  const std::string path_ = scratch_ / "f";
  test::Tensors tensors_;
  test::Tensors other_;
  std::string bytes_;
};

TEST_F(SizeLimit, OfAnEditIsNoSpaceAndLeavesNoJournal) {
  EXPECT_EQ(limited([&] { (void)overwrite(path_, "z", other_.list()[0].bytes); }), "no_space");
  expect_as_it_was();
  EXPECT_EQ(limited([&] {
              (void)edit_metadata(path_, {.set = {{"k", std::string(9000, 'x')}}, .remove = {}});
            }),
            "no_space");
  expect_as_it_was();
  // What stands before the limit may be edited.
  EXPECT_EQ(limited([&] {
              (void)edit_metadata(path_, {.set = {{"k", "w"}}, .remove = {}});
            }),
            "done");
}

TEST_F(SizeLimit, OfASaveAWriterAndACopyIsNoSpace) {
  EXPECT_EQ(limited([&] { save(path_, tensors_.list()); }), "no_space");
  EXPECT_EQ(limited([&] { save(scratch_ / "g", tensors_.list(), {}, {.durable = false}); }),
            "no_space");
  expect_as_it_was();
  const fs::path other = fs::path("/dev/shm") / scratch_.folder().filename();
  std::error_code none;
  if (!fs::create_directory(other, none)) GTEST_SKIP() << "there is no second filesystem";
  EXPECT_EQ(limited([&] { (void)replace(path_, (other / "f").string()); }), "no_space");
  EXPECT_EQ(Scratch::names_in(other), std::vector<std::string>{});
  fs::remove_all(other);
  expect_as_it_was();
}

}  // namespace
}  // namespace tensorhold
