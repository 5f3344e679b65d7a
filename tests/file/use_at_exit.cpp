// Uses the library while a process ends: in static destructors, in functions of atexit() and in
// threads that main() leaves running. use_at_exit FOLDER: exit 0 when all children ended well.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tensorhold/tensorhold.hpp"

namespace th = tensorhold;

// The process ends while threads are at work, with what they have: that is no leak.
extern "C" {
const char* __tsan_default_options();  // NOLINT(bugprone-reserved-identifier)
const char* __lsan_default_options();  // NOLINT(bugprone-reserved-identifier)
const char* __tsan_default_options() { return "report_thread_leaks=0"; }
const char* __lsan_default_options() { return "detect_leaks=0"; }
}

namespace {

// Never destroyed: threads use it to the end.
std::string& folder = *new std::string;

std::string path(const char* name) { return folder + "/" + name + ".safetensors"; }

void use_all(const char* name) {
  const std::vector<float> values(16, 1);
  const std::array<std::uint64_t, 1> shape{16};
  std::vector<th::SaveTensor> tensors;
  // Names of more than ASCII, of which a process asks other code.
  tensors.emplace_back("größe", th::Dtype::f32, shape, std::as_bytes(std::span(values)));
  th::save(path(name), tensors, th::Metadata{{"ключ", "值"}}, {.durable = false});
  const th::File file = th::open(path(name));
  const th::Tensor copy = file["größe"].copy();
  const th::Tensor writable = file.writable("größe");
  writable.writable_bytes()[0] = std::byte{1};
  file.load();
  (void)th::holders(path(name));
  (void)th::release(path(name));
  { const th::FileLock lock = th::lock_exclusive(path(name)); }
  (void)th::FileLock().path();
  th::set_log_hook([](std::string_view) {});
  { const th::File logged = th::open(path(name), {.access = th::Access::owned}); }
  th::set_log_hook({});
  if (const auto missing = th::try_open(path("missing"))) std::abort();
  th::remove(path(name));
}

std::function<void()> last;

struct AtExit {
  ~AtExit() {
    if (last) last();
  }
};
const AtExit at_exit;  // made before the library's first use, so destroyed after what that made

void done_at_exit() {
  use_all("function");
  ::_exit(0);
}

/// Ends with status 0, from a destructor, when all went well.
[[noreturn]] void in_destructor() {
  use_all("before");
  last = [] {
    use_all("destructor");
    ::_exit(0);
  };
  std::exit(1);
}

[[noreturn]] void in_function() {
  (void)std::atexit(done_at_exit);  // before the first use
  use_all("before");
  std::exit(1);
}

[[noreturn]] void in_threads() {
  for (const char* name : {"first", "second", "third"})
    std::thread([name] {
      for (;;) use_all(name);
    }).detach();
  use_all("before");
  last = [] { std::this_thread::sleep_for(std::chrono::milliseconds(20)); };
  std::exit(0);
}

int status_of(const std::function<void()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    (void)::alarm(60);
    body();
    ::_exit(2);
  }
  int status = 0;
  (void)::waitpid(child, &status, 0);
  return status;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  std::string scratch = std::string(arguments[1]) + "/at_exit_XXXXXX";
  if (::mkdtemp(scratch.data()) == nullptr) return 2;
  folder = scratch;
  int failed = 0;
  const auto expect = [&](const char* what, void (*body)()) {
    const int status = status_of(body);
    if (status == 0) return;
    std::printf("%s: the child ended with status %d\n", what, status);
    ++failed;
  };
  expect("a static destructor", in_destructor);
  expect("a function of atexit()", in_function);
  for (int i = 0; i < 10; ++i) expect("threads beside exit()", in_threads);
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return failed == 0 ? 0 : 1;
}
