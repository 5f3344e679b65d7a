// The lock of an open lasts as long as anybody reads through its handle.
#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "support/one_tensor.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

enum class End : std::uint8_t { close, release, drop };

class OpenLockLoad : public ::testing::TestWithParam<std::tuple<Access, End>> {
 protected:
  void SetUp() override { file_ = open(path_, {.access = std::get<0>(GetParam()), .lock = true}); }
  /// Ends the file as the parameter says.
  void end() {
    switch (std::get<1>(GetParam())) {
      case End::close:
        return file_.close();
      case End::drop:
        file_ = File();
        return;
      case End::release: {
        const Result<Released> released = try_release(path_);
        if (!released && released.error().code() != Code::release_unsupported)
          ADD_FAILURE() << released.error().what();
      }
    }
  }
  [[nodiscard]] bool free() const { return try_lock_exclusive(path_).has_value(); }
  /// What progress is called with first: ends the file, and asks whether an editor could begin.
  [[nodiscard]] Progress ending() {
    return [this](std::uint64_t done, std::uint64_t total) {
      if (done == total || asked_) return;
      asked_ = true;
      end();
      free_meanwhile_ = free();
    };
  }
  void expect_kept_until_now() {
    EXPECT_TRUE(asked_);
    EXPECT_FALSE(free_meanwhile_);
    file_ = File();
    EXPECT_TRUE(free());
  }

  const test::OneTensor made_{Dtype::u8, {8'000'000}, Access::owned};
  const std::string path_ = made_.path;
  File file_;
  bool asked_ = false;
  bool free_meanwhile_ = false;
};

TEST_P(OpenLockLoad, ALoadKeepsIt) {
  {
    Plan plan(file_);
    if (std::get<1>(GetParam()) == End::drop) plan = Plan(file_);
    plan.add_all();
    const std::vector<Tensor> loaded = plan.load({.threads = 1, .progress = ending()});
    EXPECT_EQ(loaded.size(), 1U);
  }
  expect_kept_until_now();
}

TEST_P(OpenLockLoad, ALoadIntoOwnMemoryKeepsIt) {
  {
    std::vector<std::byte> room(8'000'000);
    const std::span<std::byte> place(room);
    Plan plan(file_);
    plan.add_all();
    plan.load_into({&place, 1}, {.threads = 1, .progress = ending()});
  }
  expect_kept_until_now();
}

TEST_P(OpenLockLoad, APrefetchKeepsIt) {
  const std::string_view name = "w";
  const File same = file_;
  (void)same.prefetch({&name, 1}, {.threads = 1, .progress = ending()});
  EXPECT_TRUE(asked_);
  EXPECT_FALSE(free_meanwhile_);
}

TEST_P(OpenLockLoad, AStreamKeepsItToItsEnd) {
  {
    std::optional<Plan> plan(file_);
    plan->add_all();
    TensorStream stream = plan->stream({.threads = 1});
    plan.reset();
    end();
    file_ = File();
    EXPECT_FALSE(free());
    const auto item = stream.next();
    ASSERT_TRUE(item);
    EXPECT_EQ(item->tensor.nbytes(), 8'000'000U);
    EXPECT_FALSE(free());
  }
  EXPECT_TRUE(free());
}

std::string name_of(const std::tuple<Access, End>& each) {
  constexpr std::array names{"Close", "Release", "Drop"};
  return (std::get<0>(each) == Access::mapped ? "Mapped" : "Owned") +
         std::string(names.at(static_cast<std::size_t>(std::get<1>(each))));
}

INSTANTIATE_TEST_SUITE_P(Each, OpenLockLoad,
                         ::testing::Combine(::testing::Values(Access::mapped, Access::owned),
                                            ::testing::Values(End::close, End::release, End::drop)),
                         [](const auto& each) { return name_of(each.param); });

// A tensor that is not read yet needs the handle, and so the lock.
TEST(OpenLockTensor, AnOwnedTensorKeepsItUntilItIsRead) {
  const test::OneTensor made(Dtype::u8, {100'000}, Access::owned);
  File file = open(made.path, {.access = Access::owned, .lock = true});
  const Tensor tensor = file["w"];
  file.close();
  EXPECT_FALSE(try_lock_exclusive(made.path));
  const SaveTensor saved(tensor);
  EXPECT_EQ(save_bytes({&saved, 1}).size() > 100'000U, true);
  EXPECT_TRUE(try_lock_exclusive(made.path));
}

}  // namespace
}  // namespace tensorhold
