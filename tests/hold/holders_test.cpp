// Who holds a file.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "support/many_tensors.hpp"

namespace tensorhold {
namespace {

std::vector<std::string> own_tensors(const Holders& holders) {
  std::vector<std::string> names;
  for (const Holder& holder : holders)
    if (holder.own && !holder.tensor.empty()) names.push_back(holder.tensor);
  return names;
}

TEST(HoldersHere, AreLiveTensorsByNameAndTheOpenFile) {
  const test::ManyTensors made(5, 100);
  File file = open(made.path(), {.access = Access::mapped, .label = "the model"});
  Tensor first = file.at(1);
  const Tensor second = file.writable(made.name(3));
  const Holders all = holders(made.path());
  EXPECT_EQ(own_tensors(all), (std::vector<std::string>{made.name(1), made.name(3)}));
  const auto opened = std::ranges::find_if(
      all, [](const Holder& holder) { return holder.own && holder.how == Holder::How::open; });
  ASSERT_NE(opened, all.end());
  EXPECT_EQ(opened->label, "the model");
  EXPECT_EQ(all.list[0].nbytes, 800U);
  EXPECT_EQ(all.list[0].how, Holder::How::mapped);
  EXPECT_EQ(all.list[0].which, Holder::Which::current);

  first = Tensor();
  file = File();
  EXPECT_EQ(own_tensors(holders(made.path())), std::vector<std::string>{made.name(3)});
}

TEST(HoldersHere, AreGoneWithTheLastTensor) {
  const test::ManyTensors made(2, 100);
  Tensor tensor = made.open().at(0);
  EXPECT_FALSE(holders(made.path()).empty());
  tensor = Tensor();
  EXPECT_TRUE(own_tensors(holders(made.path())).empty());
}

TEST(HoldersHere, AreToldApartByWhichFileTheyHave) {
  const test::ManyTensors made(2, 100);
  const Tensor old = made.open().at(0);
  std::filesystem::rename(made.path(), made.path() + ".old");
  ASSERT_FALSE(holders(made.path()).empty());
  EXPECT_EQ(holders(made.path()).list[0].which, Holder::Which::deleted);
  EXPECT_EQ(holders(made.path() + ".old").list[0].which, Holder::Which::current);
  test::write_file(made.path(), test::read_file(made.path() + ".old"));
  EXPECT_EQ(holders(made.path()).list[0].which, Holder::Which::replaced);
}

}  // namespace
}  // namespace tensorhold
