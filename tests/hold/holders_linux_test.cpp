// Other processes that hold a file, as Linux shows them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <functional>

#include "support/child_posix.hpp"
#include "support/many_tensors.hpp"

namespace tensorhold {
namespace {

/// A child that does something and then waits to be ended.
class Child {
 public:
  explicit Child(const std::function<void()>& action) {
    std::array<int, 2> ready{};
    if (::pipe(ready.data()) != 0) throw std::runtime_error("no pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      action();
      (void)!::write(ready[1], "x", 1);
      for (;;) ::pause();
    }
    char byte = 0;
    (void)!::read(ready[0], &byte, 1);
    (void)::close(ready[0]);
    (void)::close(ready[1]);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    (void)::kill(pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] std::int64_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
};

const Holder* find(const Holders& holders, std::int64_t pid) {
  const auto found = std::ranges::find(holders.list, pid, &Holder::pid);
  return found == holders.list.end() ? nullptr : &*found;
}

TEST(HoldersElsewhere, MappedWithoutAHandle) {
  const test::ManyTensors made(2, 1000);
  const Child child([&] {
    const int file = ::open(made.path().c_str(), O_RDONLY);
    (void)::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, file, 0);
    (void)::close(file);
  });
  const Holders all = holders(made.path());
  const Holder* const holder = find(all, child.pid());
  ASSERT_NE(holder, nullptr);
  EXPECT_EQ(holder->how, Holder::How::mapped);
  EXPECT_FALSE(holder->own);
  EXPECT_FALSE(holder->command.empty());
  EXPECT_EQ(all.proof, HoldProof::held);
}

TEST(HoldersElsewhere, OpenWithoutAMapping) {
  const test::ManyTensors made(2, 1000);
  const Child child([&] { (void)!::open(made.path().c_str(), O_RDONLY); });
  const Holders all = holders(made.path());
  const Holder* const holder = find(all, child.pid());
  ASSERT_NE(holder, nullptr);
  EXPECT_EQ(holder->how, Holder::How::open);
}

TEST(HoldersElsewhere, AForkedChildKeepsWhatItsParentReleased) {
  const test::ManyTensors made(2, 1000);
  const File file = made.open();
  const Tensor tensor = file.at(0);
  const Child child([] {});
  (void)file.release();
  const Holders all = holders(made.path());
  ASSERT_NE(find(all, child.pid()), nullptr);
  EXPECT_EQ(find(all, child.pid())->how, Holder::How::mapped);
  EXPECT_EQ(all.proof, HoldProof::held);
}

TEST(HoldersElsewhere, AReleasedFileIsProvenFree) {
  const test::ManyTensors made(2, 1000);
  const File file = made.open();
  const Tensor tensor = file.at(0);
  EXPECT_EQ(holders(made.path()).proof, HoldProof::held);
  (void)file.release();
  const Holders all = holders(made.path());
  EXPECT_TRUE(all.empty());
  EXPECT_EQ(all.proof, HoldProof::free);
}

TEST(HoldersElsewhere, WhatMayNotBeSeenIsCounted) {
  const test::ManyTensors made(2, 1000);
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    if (::geteuid() != 0) return "skip: needs root, to have processes of somebody else";
    if (!test::drop_root()) return "skip: root cannot be given up";
    return holders(made.path()).unseen != 0 ? "" : "claims to have seen everything";
  }));
}

}  // namespace
}  // namespace tensorhold
