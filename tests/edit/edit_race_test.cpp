// Opens beside edits and saves of other processes: each header is of one state, and the file, which
// always stands there, is always found.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <map>
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

/// A process that does something again and again, whatever comes of it, until its object ends.
class Busy {
 public:
  explicit Busy(const std::function<void()>& work) : child_(::fork()) {
    if (child_ != 0) return;
    for (;;) {
      try {
        work();
      } catch (const Error&) {
        continue;
      }
    }
  }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() {
    if (child_ <= 0) return;
    (void)::kill(child_, SIGKILL);
    (void)::waitpid(child_, nullptr, 0);
  }

 private:
  pid_t child_;
};

constexpr std::size_t value_bytes = 20'000;  // a header of several reads and pages

void save_model(const std::string& path, char value) {
  save(path, some_tensors(1).list(), Metadata{{"k", std::string(value_bytes, value)}},
       {.reserve_header = 1000, .durable = false});
}

/// "whole", "torn", or the code of the error.
std::string look(const std::function<File()>& open_it) {
  try {
    const File file = open_it();
    const std::string_view value = file.metadata().front().second;
    return value.find_first_not_of(value.front()) == std::string_view::npos ? "whole" : "torn";
  } catch (const Error& error) {
    return std::string(to_string(error.code()));
  }
}

class Beside : public ::testing::Test {
 protected:
  std::function<void()> edits() {
    return [this, turn = 0]() mutable {
      (void)edit_metadata(
          path_,
          {.set = {{"k", std::string(value_bytes, ++turn % 2 == 0 ? 'a' : 'b')}}, .remove = {}},
          {.durable = false, .lock_timeout = std::chrono::seconds(5)});
    };
  }
  static void expect_whole(const std::function<File()>& open_it, int opens) {
    std::map<std::string, int> seen;
    for (int i = 0; i < opens; ++i) ++seen[look(open_it)];
    EXPECT_EQ(seen, (std::map<std::string, int>{{"whole", opens}}));
  }
  const Scratch scratch_;
  const std::string path_ = scratch_ / "f";
};

TEST_F(Beside, EditsAHeaderIsNeverHalfOldHalfNew) {
  save_model(path_, 'a');
  const Busy editor(edits());
  expect_whole([&] { return open(path_); }, 3000);
  expect_whole(
      [&] { return open(path_, {.lock = true, .lock_timeout = std::chrono::seconds(30)}); }, 30);
}

TEST_F(Beside, EditsAHeaderReadThroughADescriptorIsNeverHalfOldHalfNew) {
  save_model(path_, 'a');
  const Busy editor(edits());
  expect_whole(
      [&] {
        const int descriptor = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
        const struct Closing {
          int descriptor;
          ~Closing() { (void)::close(descriptor); }
        } closing{descriptor};
        return open_fd(descriptor);
      },
      3000);
}

TEST_F(Beside, EditsReadersWithoutTheRightToWriteSeeWholeHeaders) {
  save_model(path_, 'a');
  std::filesystem::permissions(path_, std::filesystem::perms(0644));
  const Busy editor(edits());
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    if (!test::drop_root()) return "skip: cannot give up root";
    std::error_code hidden;
    if (!std::filesystem::exists(path_, hidden)) return "skip: the folder is closed to others";
    for (int i = 0; i < 2000; ++i)
      if (const std::string seen = look([&] { return open(path_); }); seen != "whole") return seen;
    return "";
  }));
}

TEST_F(Beside, EditsAndSavesTheFileIsAlwaysFound) {
  save_model(path_, 'a');
  const Busy one(edits());
  const Busy other(edits());
  const Busy saver([&] { save_model(path_, 'c'); });
  expect_whole([&] { return open(path_); }, 3000);
  for (int i = 0; i < 1000; ++i) {
    const Result<Edited> edited =
        try_edit_metadata(path_, {.set = {{"k", std::string(value_bytes, 'd')}}, .remove = {}},
                          {.durable = false, .lock_timeout = std::chrono::seconds(30)});
    if (!edited) {
      EXPECT_EQ(edited.error().code(), Code::replaced) << edited.error().what();
    }
  }
}

}  // namespace
}  // namespace tensorhold
