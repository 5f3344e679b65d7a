// How long a tensor keeps its bytes, and who may touch it.
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "support/one_tensor.hpp"
#include "support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

class Handle : public ::testing::TestWithParam<Access> {
 protected:
  test::OneTensor made_{Dtype::u8, {100'000}, GetParam()};
};

TEST_P(Handle, KeepsItsBytesWhenTheFileHandleIsGone) {
  Tensor tensor = made_.file["w"];
  const Tensor expected = tensor.copy();
  made_.file = File();
  EXPECT_TRUE(test::same_bytes(tensor.bytes(), expected.bytes()));
  const Tensor other = tensor;
  tensor = Tensor();
  EXPECT_TRUE(test::same_bytes(other.bytes(), expected.bytes()));
  EXPECT_EQ(other.name(), "w");
}

TEST_P(Handle, AddressStaysWhileAnyHandleLives) {
  const Tensor first = made_.file["w"];
  const Tensor second = made_.file["w"];
  EXPECT_EQ(first.bytes().data(), second.bytes().data());
}

TEST_P(Handle, CopiesAreIndependentAndWritable) {
  const Tensor tensor = made_.file["w"];
  const Tensor copy = tensor.copy();
  const std::byte before = tensor.bytes()[5];
  copy.writable_bytes()[5] = ~before;
  EXPECT_EQ(tensor.bytes()[5], before);
  EXPECT_FALSE(copy.mapped());
  EXPECT_EQ(tensor.mapped(), GetParam() == Access::mapped);
  EXPECT_THROW((void)tensor.writable_bytes(), Error);
}

TEST_P(Handle, WritableViewsArePrivate) {
  const Tensor tensor = made_.file["w"];
  const Tensor view = made_.file.writable("w");
  const std::byte before = tensor.bytes()[7];
  view.writable_bytes()[7] = ~before;
  EXPECT_EQ(view.bytes()[7], ~before);
  EXPECT_EQ(tensor.bytes()[7], before);
  const Tensor reread = open(made_.path)["w"];
  EXPECT_EQ(reread.bytes()[7], before);
}

TEST_P(Handle, CopyToWantsTheExactSize) {
  const Tensor tensor = made_.file["w"];
  std::vector<std::byte> out(tensor.nbytes());
  tensor.copy_to(out);
  EXPECT_TRUE(test::same_bytes(out, tensor.bytes()));
  out.pop_back();
  EXPECT_THROW(tensor.copy_to(out), Error);
}

TEST_P(Handle, ManyThreadsShareOneFile) {
  const Tensor expected = made_.file["w"].copy();
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        const Tensor tensor = made_.file["w"];
        const Tensor copy = tensor;  // NOLINT(performance-unnecessary-copy-initialization)
        if (!test::same_bytes(copy.bytes(), expected.bytes())) ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

INSTANTIATE_TEST_SUITE_P(Tensor, Handle, ::testing::Values(Access::mapped, Access::owned),
                         test::name_of);

}  // namespace
}  // namespace tensorhold
