// Children that are forked while other threads are at any place in the library.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/scratch.hpp"
#include "support/stress.hpp"
#include "support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

class ForkBeside : public ::testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "a child of a process with threads waits for the sanitizer's locks";
#endif
    save_at(path);
  }

  static void save_at(const std::string& where) {
    test::Tensors tensors;
    for (int i = 0; i < 4; ++i) tensors.add("t" + std::to_string(i), Dtype::u8, {5000}, 1);
    save(where, tensors.list(), std::nullopt, {.durable = false});
  }

  /// What a child does: all that its parent's threads may have been at.
  void use_all() const {
    const File file = open(path, {.access = Access::mapped, .guard = true});
    const Tensor copy = file["t0"].copy();
    const Tensor writable = file.writable("t1");
    writable.writable_bytes()[0] = std::byte{1};
    const File owned = open(path, {.access = Access::owned});
    owned.load();
    (void)release(path);
    save_at(scratch / "child.safetensors");
    (void)try_open(scratch / "missing.safetensors");
    set_log_hook({});
  }

  /// Forks beside threads that do `work` again and again. Returns how many children failed, or did
  /// not end within twenty seconds.
  int failed(
      const std::function<void(int)>& work,
      const std::function<void()>& more_in_child = [] {}) const {
    std::atomic<bool> stop = false;
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
      threads.emplace_back([&, i] {
        while (!stop.load()) work(i);
      });
    int bad = 0;
    for (std::uint64_t left = test::stressed(250); left != 0; --left) {
      const pid_t child = ::fork();
      if (child == 0) {
        (void)::alarm(20);
        try {
          use_all();
          more_in_child();
        } catch (const std::exception&) {
          ::_exit(1);
        }
        ::_exit(0);
      }
      int status = 0;
      if (::waitpid(child, &status, 0) != child || status != 0) ++bad;
    }
    stop.store(true);
    for (std::thread& thread : threads) thread.join();
    return bad;
  }

  const test::Scratch scratch;
  const std::string path = scratch / "model.safetensors";
};

TEST_F(ForkBeside, Copies) {
  const File file = open(path);
  const Tensor tensor = file["t0"];
  EXPECT_EQ(0, failed([&](int) { (void)tensor.copy(); }, [&] { (void)tensor.copy(); }));
}

TEST_F(ForkBeside, OpensAndLoads) {
  EXPECT_EQ(0, failed([&](int) {
              const File file = open(path, {.access = Access::owned});
              file.load({.threads = 2});
            }));
}

TEST_F(ForkBeside, Releases) {
  EXPECT_EQ(0, failed([&](int) {
              const File file = open(path, {.access = Access::mapped, .guard = true});
              const Tensor tensor = file["t0"];
              const Tensor writable = file.writable("t1");
              writable.writable_bytes()[0] = std::byte{1};
              (void)file.release();
            }));
}

// The last handles on mappings go while the parent forks: a release in the child waits for none.
TEST_F(ForkBeside, DropsOfWhatTheChildReleases) {
  EXPECT_EQ(0, failed([&](int) {
              File file = open(path, {.access = Access::mapped});
              for (int i = 0; i < 20; ++i) {
                const Tensor view = file.writable("t0");
                file = open(path, {.access = Access::mapped});
              }
            }));
}

TEST_F(ForkBeside, SavesAndWriters) {
  EXPECT_EQ(0, failed([&](int thread) {
              const std::string mine = scratch / ("own" + std::to_string(thread));
              save_at(mine);
              const std::vector<TensorLayout> layout{{"w", Dtype::u8, {64}}};
              Writer writer(mine, layout, std::nullopt, {.durable = false});
              writer.write("w", std::vector<std::byte>(64));
              writer.commit();
            }));
}

TEST_F(ForkBeside, LogsAndErrors) {
  EXPECT_EQ(0, failed([&](int) {
              set_log_hook([](std::string_view) {});
              (void)try_open(path);
              (void)try_open(scratch / "missing.safetensors");
              set_log_hook({});
            }));
}

}  // namespace
}  // namespace tensorhold
