// Files opened with guard: bytes that the file loses read as zeros, and everybody is told. Each in
// a child: handlers are of the whole process.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

#include "support/child_posix.hpp"
#include "support/one_tensor.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::in_child;

constexpr std::uint64_t bytes = 8'000'000;  // several windows of a release
constexpr std::uint64_t kept = 50'000;

struct Guarded : test::OneTensor {
  Guarded() : OneTensor(Dtype::u8, {bytes}, Access::mapped) {
    file = open(path, {.access = Access::mapped, .guard = true});
  }
  void truncate() const { std::filesystem::resize_file(path, kept); }
};

// Not seen by ThreadSanitizer, which takes every mmap of a page for a write to it.
[[gnu::noinline, gnu::no_sanitize("thread")]] int value(const Tensor& tensor, std::size_t at) {
  return static_cast<int>(*static_cast<const volatile std::byte*>(tensor.bytes().data() + at));
}
int expected(std::size_t at) { return static_cast<int>((at * 131 + at / 251) & 0xff); }

/// The code of the error that `body` raises; 0: none.
int code_of(const std::function<void()>& body) {
  try {
    body();
    return 0;
  } catch (const Error& error) {
    return static_cast<int>(error.code());
  }
}
constexpr int damaged = static_cast<int>(Code::damaged);

TEST(Guarded, ReadsZerosAndTells) {
  TENSORHOLD_EXPECT_CHILD(in_child([]() -> std::string {
    const Guarded made;
    const Tensor tensor = made.file["w"];
    if (made.file.check() != FileState::unchanged) return "not unchanged at first";
    made.truncate();
    if (made.file.check() != FileState::truncated) return "not truncated";
    if (value(tensor, 100) != expected(100)) return "lost what is still there";
    if (value(tensor, bytes - 1) != 0) return "no zeros";
    if (made.file.check() != FileState::damaged) return "check() does not tell";
    if (value(tensor, 100) != expected(100)) return "lost what is still there, in the end";
    return "";
  }));
}

TEST(Guarded, CopiesAndSavesRefuseForGood) {
  TENSORHOLD_EXPECT_CHILD(in_child([]() -> std::string {
    const Guarded made;
    const Tensor tensor = made.file["w"];
    const std::string whole = test::read_file(made.path);
    made.truncate();
    (void)value(tensor, bytes - 1);
    test::write_file(made.path, whole);
    if (made.file.check() != FileState::damaged) return "the damage is forgotten";
    if (code_of([&] { (void)tensor.copy(); }) != damaged) return "copy()";
    if (code_of([&] { (void)tensor.slice({{0, 100}}).copy(); }) != damaged) return "slice";
    const SaveTensor list[] = {SaveTensor(tensor)};
    const std::string other = made.folder / "other";
    if (code_of([&] { save(other, list); }) != damaged) return "save";
    if (code_of([&] { (void)save_bytes(list); }) != damaged) return "save_bytes";
    if (std::filesystem::exists(other)) return "a file was left";
    const File again = open(made.path, {.access = Access::mapped, .guard = true});
    return code_of([&] { (void)again["w"].copy(); }) == 0 ? "" : "the next open is damaged, too";
  }));
}

TEST(Guarded, WritableViewsToo) {
  TENSORHOLD_EXPECT_CHILD(in_child([]() -> std::string {
    const Guarded made;
    const Tensor tensor = made.file.writable("w");
    tensor.writable_bytes()[7] = std::byte{7};
    made.truncate();
    tensor.writable_bytes()[bytes - 1] = std::byte{9};
    if (value(tensor, bytes - 1) != 9 || value(tensor, bytes - 2) != 0) return "wrong bytes";
    if (value(tensor, 7) != 7) return "the write before is lost";
    return made.file.check() == FileState::damaged ? "" : "check() does not tell";
  }));
}

TEST(Guarded, WithoutGuardItIsASignal) {
  const pid_t child = ::fork();
  if (child == 0) {
    (void)std::signal(SIGBUS, SIG_DFL);  // no sanitizer's report
    const test::OneTensor made(Dtype::u8, {bytes}, Access::mapped);
    const Tensor tensor = made.file["w"];
    std::filesystem::resize_file(made.path, kept);
    (void)value(tensor, bytes - 1);
    ::_exit(0);
  }
  int status = 0;
  (void)::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS) << status;
}

TEST(Guarded, AReleaseOfWhatWasLostChangesNothing) {
  TENSORHOLD_EXPECT_CHILD(in_child([]() -> std::string {
    const Guarded made;
    const Tensor tensor = made.file["w"];
    made.truncate();
    if (code_of([&] { (void)made.file.release(); }) != static_cast<int>(Code::truncated))
      return "the release says nothing";
    if (value(tensor, 100) != expected(100) || value(tensor, bytes - 1) != 0) return "wrong bytes";
    return made.file.check() == FileState::damaged ? "" : "check() does not tell";
  }));
}

TEST(Guarded, DamageOutlivesARelease) {
  TENSORHOLD_EXPECT_CHILD(in_child([]() -> std::string {
    const Guarded made;
    const Tensor tensor = made.file["w"];
    const std::string whole = test::read_file(made.path);
    made.truncate();
    (void)value(tensor, bytes - 1);
    test::write_file(made.path, whole);
    (void)made.file.release();
    if (tensor.mapped()) return "not released";
    if (code_of([&] { (void)tensor.copy(); }) != damaged) return "copy()";
    return code_of([&] { (void)tensor.slice({{0, none, 3}}).copy(); }) == damaged ? "" : "slice";
  }));
}

// The release exchanges pages while readers and writers fault on them for the first time.
TEST(Guarded, ReleasesUnderReadersAndWriters) {
  TENSORHOLD_EXPECT_CHILD(in_child([]() -> std::string {
    for (int round = 0; round < 10; ++round) {
      const Guarded made;
      const Tensor tensor = made.file["w"];
      const Tensor writable = made.file.writable("w");
      std::atomic<bool> stop = false;
      std::atomic<int> wrong = 0;
      std::thread reader([&] {
        for (std::size_t at = 0; !stop; at = (at + 4099) % bytes)
          wrong += value(tensor, at) == expected(at) ? 0 : 1;
      });
      std::thread writer([&] {
        for (std::size_t at = 0; !stop; at = (at + 4099) % bytes) {
          volatile std::byte* const place = writable.writable_bytes().data() + at;
          *place = std::byte{1};
          wrong += *place == std::byte{1} ? 0 : 1;
        }
      });
      std::string failed;
      try {
        (void)made.file.release();
      } catch (const Error& error) {
        failed = error.what();
      }
      stop = true;
      reader.join();
      writer.join();
      if (!failed.empty()) return failed;
      if (wrong != 0) return "wrong bytes";
      if (made.file.check() != FileState::unchanged) return "damaged";
    }
    return "";
  }));
}

TEST(Guarded, OwnedAccessNeedsNone) {
  const test::OneTensor made(Dtype::u8, {1000}, Access::owned);
  const File file = open(made.path, {.access = Access::owned, .guard = true});
  EXPECT_EQ(file["w"].copy().nbytes(), 1000U);
  EXPECT_EQ(file.check(), FileState::unchanged);
}

}  // namespace
}  // namespace tensorhold
