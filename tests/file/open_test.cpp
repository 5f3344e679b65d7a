#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/scratch.hpp"
#include "support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

const std::string real_model = TENSORHOLD_TEST_DATA "/silero-vad-16k.safetensors";

Code code_of(const Result<File>& result) { return result ? Code{} : result.error().code(); }

std::vector<std::byte> bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  std::vector<std::byte> bytes(text.size());
  std::ranges::transform(text, bytes.begin(), [](char c) { return static_cast<std::byte>(c); });
  return bytes;
}

class Open : public ::testing::TestWithParam<Access> {
 protected:
  OpenOptions options_{.access = GetParam()};
};

TEST_P(Open, RealModelHasItsTensors) {
  const File file = open(real_model, options_);
  EXPECT_EQ(file.size(), 15U);
  EXPECT_EQ(file.file_bytes(), std::filesystem::file_size(real_model));
  const Tensor bias = file["conv1.bias"];
  EXPECT_EQ(bias.dtype(), Dtype::f32);
  EXPECT_EQ(bias.nbytes(), 512U);
  const std::vector<std::byte> whole = bytes_of(real_model);
  const std::size_t index = *file.find("conv1.bias");
  const TensorInfo info = file.info(index);
  EXPECT_TRUE(test::same_bytes(bias.bytes(), std::span(whole).subspan(info.offset, info.nbytes)));
  EXPECT_TRUE(std::ranges::is_sorted(file.keys()));
}

TEST_P(Open, SavedAgainItIsTheSameFile) {
  const test::Scratch folder;
  const File file = open(real_model, options_);
  std::vector<Tensor> tensors;
  std::vector<SaveTensor> list;
  for (std::size_t i = 0; i < file.size(); ++i) tensors.push_back(file.at(i));
  for (const Tensor& tensor : tensors) list.emplace_back(tensor);
  Metadata metadata;
  for (const auto& [key, value] : file.metadata()) metadata.emplace_back(key, value);
  save(folder / "again.safetensors", list,
       metadata.empty() ? std::nullopt : std::optional(metadata));
  const File again = open(folder / "again.safetensors", options_);
  ASSERT_EQ(again.size(), file.size());
  for (const Tensor& tensor : tensors) {
    const Tensor other = again[tensor.name()];
    EXPECT_TRUE(test::same_bytes(other.bytes(), tensor.bytes())) << tensor.name();
  }
}

TEST_P(Open, CopyToFillsManyDestinationsInAnyOrder) {
  const File file = open(real_model, options_);
  std::vector<std::byte> a(file["conv1.bias"].nbytes());
  std::vector<std::byte> b(file["stft_conv.weight"].nbytes());
  const Destination destinations[] = {{"conv1.bias", a}, {"stft_conv.weight", b}};
  file.copy_to(destinations);
  const Tensor bias = file["conv1.bias"];
  const Tensor basis = file["stft_conv.weight"];
  EXPECT_TRUE(test::same_bytes(a, bias.bytes()));
  EXPECT_TRUE(test::same_bytes(b, basis.bytes()));
  const Destination wrong[] = {{"conv1.bias", std::span(a).first(4)}};
  EXPECT_THROW(file.copy_to(wrong), Error);
}

TEST_P(Open, ClosedFileGivesNoNewTensorsAndKeepsTheOldOnes) {
  const File file = open(real_model, options_);
  const Tensor before = file["conv1.bias"];
  const Tensor expected = before.copy();
  file.close();
  EXPECT_EQ(file.size(), 15U);
  const auto after = file.try_get("conv1.bias");
  ASSERT_FALSE(after);
  EXPECT_EQ(after.error().code(), Code::closed);
  EXPECT_TRUE(test::same_bytes(before.bytes(), expected.bytes()));
}

TEST_P(Open, UnknownTensorNamesTheClosest) {
  const File file = open(real_model, options_);
  const auto missing = file.try_get("conv1.bais");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Code::tensor_not_found);
  EXPECT_NE(missing.error().advice().find("conv1.bias"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Io, Open, ::testing::Values(Access::mapped, Access::owned));

TEST(OpenBytes, WithoutOwnerTheBytesAreCopied) {
  std::vector<std::byte> bytes = bytes_of(real_model);
  const File file = open_bytes(bytes);
  const Tensor expected = open(real_model)["conv1.bias"].copy();
  std::ranges::fill(bytes, std::byte{0xff});
  const Tensor bias = file["conv1.bias"];
  EXPECT_TRUE(test::same_bytes(bias.bytes(), expected.bytes()));
}

TEST(OpenBytes, OwnerLivesAsLongAsTheTensors) {
  auto bytes = std::make_shared<std::vector<std::byte>>(bytes_of(real_model));
  const std::weak_ptr<std::vector<std::byte>> watch = bytes;
  File file = open_bytes(*bytes, bytes);
  bytes.reset();
  Tensor bias = file["conv1.bias"];
  EXPECT_EQ(static_cast<const void*>(bias.bytes().data()) >= watch.lock()->data(), true);
  file = File();
  EXPECT_FALSE(watch.expired());
  bias = Tensor();
  EXPECT_TRUE(watch.expired());
}

TEST(OpenErrors, NameWhatStandsThere) {
  const test::Scratch folder;
  EXPECT_EQ(code_of(try_open(folder / "none.safetensors")), Code::not_found);
  EXPECT_EQ(code_of(try_open(folder.folder())), Code::not_a_file);
  std::ofstream(folder / "page.safetensors")
      << "<!DOCTYPE html><html><body>Not found</body></html>";
  const auto page = try_open(folder / "page.safetensors");
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code(), Code::not_safetensors);
  EXPECT_NE(page.error().reason().find("HTML"), std::string::npos);
  EXPECT_EQ(page.error().path(), folder / "page.safetensors");
  EXPECT_EQ(code_of(try_open(real_model, {.header_limit = std::uint64_t{1} << 40})),
            Code::invalid_argument);
  EXPECT_EQ(code_of(try_open(real_model, {.header_limit = 100})), Code::header_too_large);
}

TEST(OpenErrors, TruncatedAndTrailingBytes) {
  const test::Scratch folder;
  const std::string path = folder / "m.safetensors";
  std::filesystem::copy_file(real_model, path);
  const auto size = std::filesystem::file_size(path);
  std::filesystem::resize_file(path, size + 3);
  EXPECT_EQ(code_of(try_open(path)), Code::trailing_bytes);
  const File lenient = open(path, {.lenient = true});
  EXPECT_EQ(lenient.trailing_bytes(), 3U);
  std::filesystem::resize_file(path, size - 1);
  const auto cut = try_open(path);
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code(), Code::data_truncated);
}

}  // namespace
}  // namespace tensorhold
