// Several copies of the library in one process, and modules with it that are unloaded.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "support/child_posix.hpp"
#include "support/scratch.hpp"
#include "support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

constexpr std::uint64_t nbytes = std::uint64_t{64} << 10;

class Copy {
 public:
  explicit Copy(const char* file) : module_(::dlopen(file, RTLD_NOW | RTLD_LOCAL)) {}
  template <class Function>
  [[nodiscard]] Function* find(const char* name) const {
    return reinterpret_cast<Function*>(::dlsym(module_, name));
  }
  [[nodiscard]] std::string use(const char* name, const std::string& path) const {
    auto* const function = find<const char*(const char*)>(name);
    return function == nullptr ? "no such function" : function(path.c_str());
  }
  [[nodiscard]] std::string use(const char* name, const std::string& path,
                                void (*cut)(const char*)) const {
    auto* const function = find<const char*(const char*, void (*)(const char*))>(name);
    return function == nullptr ? "no such function" : function(path.c_str(), cut);
  }
  [[nodiscard]] bool loaded() const noexcept { return module_ != nullptr; }
  void unload() { (void)::dlclose(module_); }

 private:
  void* module_;
};

class Copies : public ::testing::Test {
 protected:
  void save_one() const {
    test::Tensors tensors;
    tensors.add("w", Dtype::u8, {nbytes}, std::uint8_t{7});
    save(path, tensors.list(), std::nullopt, {.durable = false});
  }
  void SetUp() override {
    ASSERT_TRUE(one.loaded()) << ::dlerror();
    ASSERT_TRUE(two.loaded()) << ::dlerror();
    save_one();
  }

  test::Scratch scratch;
  const std::string path = scratch / "model.safetensors";
  Copy one{COPY_ONE};
  Copy two{COPY_TWO};
};

void cut(const char* path) { ASSERT_EQ(::truncate(path, 4096), 0); }

TEST_F(Copies, ReleaseInTurns) {
  for (int i = 0; i < 1000; ++i) {
    const Copy& copy = i % 2 == 0 ? one : two;
    ASSERT_EQ("", copy.use("release_once", path)) << "turn " << i;
  }
}

TEST_F(Copies, SurviveFaultsInTurns) {
  for (int i = 0; i < 300; ++i) {
    const Copy& copy = i % 2 == 0 ? one : two;
    ASSERT_EQ("", copy.use("release_once", path)) << "turn " << i;
    ASSERT_EQ("", copy.use("copy_once", path)) << "turn " << i;
    if (i % 3 != 0) continue;
    ASSERT_EQ("", (i % 2 == 0 ? two : one).use("read_truncated", path, cut)) << "turn " << i;
    save_one();
  }
}

// The one below has a fault that the one above passed on, whichever that is.
TEST_F(Copies, SurviveFaultsBelowEachOther) {
  for (int i = 0; i < 60; ++i) {
    ASSERT_EQ("", one.use("copy_once", path));
    ASSERT_EQ("", two.use("copy_once", path));
    const File file = open(path, {.access = Access::mapped, .guard = true});
    const Tensor tensor = file["w"];
    ASSERT_EQ("", (i % 2 == 0 ? one : two).use("copy_once", path));
    ASSERT_EQ("", (i % 3 == 0 ? one : two).use("read_truncated", path, cut));
    const volatile std::byte* const bytes = tensor.bytes().data();
    ASSERT_TRUE(bytes[nbytes - 1] == std::byte{0});
    save_one();
  }
}

TEST_F(Copies, ThatFaultsBelongToNobodyStillEndTheProcess) {
  ASSERT_EQ("", one.use("release_once", path));
  ASSERT_EQ("", two.use("release_once", path));
  ASSERT_EQ("", one.use("copy_once", path));
  TENSORHOLD_EXPECT_CHILD(test::in_child([]() -> std::string {
    const pid_t child = ::fork();
    if (child == 0) {
      (void)::alarm(10);
      *reinterpret_cast<volatile int*>(std::size_t{16}) = 1;
      ::_exit(0);
    }
    int status = 0;
    (void)::waitpid(child, &status, 0);
    // A sanitizer has a handler, which was there before ours, and ends the process by itself.
    const bool by_sanitizer = WIFEXITED(status) && WEXITSTATUS(status) != 0;
    return by_sanitizer || (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) ? "" : "no SIGSEGV";
  }));
}

TEST_F(Copies, StayWhenTheirModulesAreUnloaded) {
  ASSERT_EQ("", one.use("release_once", path));
  ASSERT_EQ("", one.use("copy_once", path));
  one.unload();
  EXPECT_NE(::dlopen(COPY_ONE, RTLD_NOW | RTLD_NOLOAD), nullptr);
  // Handlers and fork handlers of it are still in force.
  TENSORHOLD_EXPECT_CHILD(test::in_child([&] { return two.use("release_once", path); }));
  EXPECT_EQ("", two.use("read_truncated", path, cut));
}

}  // namespace
}  // namespace tensorhold
