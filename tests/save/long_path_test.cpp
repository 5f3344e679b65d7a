// Paths as long as the system takes them, and names as long as a folder does: what stands beside a
// file for a while has a longer name, and is found from the open folder.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <filesystem>
#include <string>

#include "../support/scratch.hpp"
#include "../support/tensors.hpp"
#include "os/replace/remove.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::some_tensors;

/// A folder whose files have the longest paths that there may be, with names of `name_bytes`.
class DeepFolder {
 public:
  explicit DeepFolder(std::size_t name_bytes) : path_(scratch_.folder().string()) {
    constexpr std::size_t longest = PATH_MAX - 1;
    while (path_.size() + 1 + name_bytes < longest) {
      const std::size_t left = longest - path_.size() - 1 - name_bytes;
      const std::size_t part = left > 202 ? 200 : left - 1;
      if (part == 0) break;
      path_ += "/" + std::string(part, 'd');
      if (::mkdir(path_.c_str(), 0755) != 0) ADD_FAILURE() << path_.size();
    }
  }
  /// A name of `name_bytes` letters.
  [[nodiscard]] std::string file(std::size_t name_bytes, char letter) const {
    return path_ + "/" + std::string(name_bytes, letter);
  }
  [[nodiscard]] std::size_t files() const { return test::Scratch::names_in(path_).size(); }

 private:
  const test::Scratch scratch_;
  std::string path_;
};

TEST(LongPath, IsSavedEditedReplacedAndRemoved) {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{40}, std::size_t{255}}) {
    const DeepFolder folder(bytes);
    const std::string path = folder.file(bytes, 'f');
    ASSERT_GE(path.size(), PATH_MAX - 3U);
    save(path, some_tensors(1).list());
    save(path, some_tensors(2).list());
    Writer writer(folder.file(bytes, 'g'), std::array{TensorLayout{"a", Dtype::u8, {4}}});
    writer.write("a", std::array<std::byte, 4>{});
    writer.commit();
    EXPECT_TRUE(
        edit_metadata(path, {.set = {{"k", std::string(9000, 'v')}}, .remove = {}}).rewritten);
    {
      const File edited = open(path);
      EXPECT_EQ(edited.metadata().size(), 1U);
    }
    (void)replace(folder.file(bytes, 'g'), path);
    EXPECT_EQ(open(path).size(), 1U);
    EXPECT_EQ(folder.files(), 1U);
    const std::string aside = os::move_aside(path);
    EXPECT_FALSE(std::filesystem::exists(path));
    EXPECT_EQ(folder.files(), 1U);
    save(path, some_tensors(2).list());  // and what was moved aside goes
    EXPECT_EQ(folder.files(), 1U);
    (void)tensorhold::remove(path);
    EXPECT_EQ(folder.files(), 0U);
  }
}

TEST(LongPath, ThatIsTooLongIsAnArgumentThatIsRefused) {
  const DeepFolder folder(255);
  const std::string path = folder.file(300, 'f');
  const Result<void> saved = try_save(path, some_tensors(1).list());
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code(), Code::invalid_argument) << saved.error().what();
}

}  // namespace
}  // namespace tensorhold
