// A file whose edit was killed when half of it was written, beside its journal.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "../support/journal.hpp"
#include "../support/scratch.hpp"
#include "../support/tensors.hpp"
#include "kill_at_syscall.hpp"
#include "tensorhold/edit.hpp"
#include "tensorhold/save.hpp"

namespace tensorhold::test {

class HalfEdited {
 public:
  HalfEdited() {
    const Scratch scratch;
    save(scratch / "f", some_tensors(1, bytes_).list());
    old_ = read_file(scratch / "f");
    edit(scratch / "f");
    new_ = read_file(scratch / "f");
  }
  [[nodiscard]] const std::string& old_bytes() const { return old_; }
  [[nodiscard]] const std::string& new_bytes() const { return new_; }

  /// Puts it at `path`, alone in its folder. False: the test has failed, or cannot be made here.
  [[nodiscard]] bool put(const std::string& path) const {
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    // The stop that was right the last time is so again, or one of the next.
    for (bool first = true; journal_in(folder).empty(); first = false) {
      write_file(path, old_);
      const KillOutcome outcome = kill_at_syscall([&] { edit(path); }, stop_);
      if (outcome.end == KillOutcome::End::untraced) return false;
      EXPECT_NE(outcome.end, KillOutcome::End::failed);
      const bool over = outcome.end != KillOutcome::End::killed;
      if (over && stop_ == 0) return false;
      if (over || !first) stop_ = over ? 0 : stop_ + 1;
    }
    EXPECT_FALSE(journal_in(folder).empty());
    const auto from =
        static_cast<std::size_t>(std::ranges::mismatch(old_, new_).in1 - old_.begin());
    write_file(path, std::string(old_).replace(from, bytes_ / 2, new_, from, bytes_ / 2));
    return true;
  }

 private:
  static constexpr std::size_t bytes_ = 20'000;
  static void edit(const std::string& path) {
    (void)overwrite(path, "large", some_tensors(7, bytes_).list().back().bytes, {.threads = 1});
  }
  std::string old_;
  std::string new_;
  mutable unsigned stop_ = 0;
};

}  // namespace tensorhold::test
