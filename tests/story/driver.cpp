// driver ROW PATH: one row of the story with tensorhold, for story.py; see rows.py for what each
// row is and for the line that it prints.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "tensorhold/tensorhold.hpp"

namespace {

namespace th = tensorhold;

constexpr th::OpenOptions mapped{.access = th::Access::mapped};

/// A tensor that moved or changed, or an answer that is not the promised one.
struct Wrong : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Job {
  std::string path;
  std::vector<std::byte> expected;  ///< bytes of "w"
  std::string note;
  bool held = false;  ///< looked at while the row's tensors live

  void check(const th::Tensor& tensor, const std::byte* address = nullptr) const {
    if (address != nullptr && tensor.bytes().data() != address)
      throw Wrong("the tensor has another address");
    if (!std::ranges::equal(tensor.bytes(), expected)) throw Wrong("the tensor has other bytes");
  }
  void look_for_hold() {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);)
      held = held || line.find(path) != std::string::npos;
  }
  void plain_remove() const { std::filesystem::remove(path); }
  /// Another process, and a program that knows nothing of loaders. False: the system refuses.
  [[nodiscard]] bool truncate_by_another() const {
    const pid_t child = ::fork();
    if (child == 0) {
      (void)std::freopen("/dev/null", "w", stderr);
      (void)::execlp("truncate", "truncate", "-s", "4096", path.c_str(), nullptr);
      ::_exit(127);
    }
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
        WEXITSTATUS(status) > 1)
      throw Wrong("truncate could not be run");
    return WEXITSTATUS(status) == 0;
  }
};

void s1(Job& job) {
  const th::Tensor tensor = th::open(job.path, mapped)["w"];
  const std::byte* const address = tensor.bytes().data();
  (void)th::remove(job.path, {.reclaim_space = true});
  if (std::filesystem::exists(job.path)) throw Wrong("the file is still there");
  job.check(tensor, address);
  job.look_for_hold();
}

void s2(Job& job) {
  { job.check(th::open(job.path, mapped)["w"]); }
  job.plain_remove();
  job.look_for_hold();
}

void s3(Job& job) {
  th::Tensor parameter;
  {
    const th::Tensor tensor = th::open(job.path, mapped)["w"];
    parameter = tensor;
  }
  const std::byte* const address = parameter.bytes().data();
  const th::Holders found = th::holders(job.path);
  if (found.empty() || found.list[0].tensor != "w") throw Wrong("the holder is not named");
  (void)th::release(job.path);
  job.plain_remove();
  job.check(parameter, address);
  job.note = "holders named";
  job.look_for_hold();
}

void s4(Job& job) {
  const th::Tensor copy = th::open(job.path, mapped)["w"].copy();
  job.plain_remove();
  job.check(copy);
  job.look_for_hold();
}

void s5(Job& job) {
  const th::Tensor tensor = th::open(job.path, mapped)["w"];
  const std::byte* const address = tensor.bytes().data();
  const std::array list{th::SaveTensor(tensor)};
  th::save(job.path, list);
  job.check(tensor, address);
  job.check(th::open(job.path)["w"]);
  job.look_for_hold();
}

void s6(Job& job) {
  try {
    const th::Tensor tensor = th::open(job.path, mapped)["w"];
    job.check(tensor);
    throw std::invalid_argument("half-way");
  } catch (const std::invalid_argument&) {
    job.plain_remove();
    job.look_for_hold();
  }
}

void s7(Job& job) {
  const th::Tensor tensor = th::open(job.path, mapped)["w"];
  const std::byte* const address = tensor.bytes().data();
  std::atomic<bool> stop = false;
  std::atomic<unsigned> wrong = 0;
  std::array<std::atomic<unsigned>, 4> reads{};
  std::vector<std::jthread> readers;
  for (std::atomic<unsigned>& mine : reads)
    readers.emplace_back([&] {
      do {
        if (!std::ranges::equal(tensor.bytes(), job.expected)) ++wrong;
        ++mine;
      } while (!stop);
    });
  while (std::ranges::any_of(reads, [](const auto& mine) { return mine == 0; }))
    std::this_thread::yield();
  (void)th::release(job.path);
  const std::array list{th::SaveTensor(tensor)};
  th::save(job.path, list);
  stop = true;
  readers.clear();
  if (wrong != 0) throw Wrong("a thread read other bytes");
  job.check(tensor, address);
  job.look_for_hold();
}

void s8(Job& job) {
  const th::File file = th::open(job.path, {.access = th::Access::mapped, .guard = true});
  const th::Tensor tensor = file["w"];
  if (!job.truncate_by_another()) {
    job.check(tensor);
    job.note = "others are refused it: EBUSY";
    return;
  }
  if (file.check() != th::FileState::truncated) throw Wrong("check() does not tell");
  std::vector<std::byte> into(tensor.nbytes());
  std::ranges::copy(tensor.bytes(), into.begin());  // no signal
  try {
    (void)tensor.copy();
    throw Wrong("copy() gave bytes that are lost");
  } catch (const th::Error& error) {
    job.note = "an error: " + std::string(th::to_string(error.code()));
  }
}

/// Text within quotes; what is said here has no quotes of its own but in paths of errors.
std::string quoted(std::string text) {
  std::ranges::replace(text, '"', '\'');
  std::ranges::replace(text, '\\', '/');
  return '"' + text + '"';
}

const std::map<std::string, std::function<void(Job&)>> rows{
    {"S1", s1}, {"S2", s2}, {"S3", s3}, {"S4", s4}, {"S5", s5}, {"S6", s6}, {"S7", s7}, {"S8", s8}};

int run(const std::string& row, const std::string& path) {
  constexpr std::size_t data = std::size_t{4} << 20;
  Job job{.path = path, .expected = {}, .note = {}};
  job.expected.resize(data);
  std::ifstream file(path, std::ios::binary);
  file.seekg(-static_cast<std::streamoff>(data), std::ios::end);
  file.read(reinterpret_cast<char*>(job.expected.data()), data);  // NOLINT: bytes are characters
  if (!file) return 2;
  file.close();
  try {
    rows.at(row)(job);
  } catch (const Wrong& error) {
    std::printf("{\"outcome\": \"wrong\", \"note\": %s}\n", quoted(error.what()).c_str());
    return 0;
  } catch (const th::Error& error) {
    std::printf("{\"outcome\": \"refused\", \"error\": %s, \"note\": %s}\n",
                quoted(error.os_error() != 0 ? ::strerrorname_np(error.os_error()) : "").c_str(),
                quoted(error.what()).c_str());
    return 0;
  } catch (const std::filesystem::filesystem_error& error) {
    std::printf("{\"outcome\": \"refused\", \"error\": %s, \"note\": %s}\n",
                quoted(::strerrorname_np(error.code().value())).c_str(),
                quoted(error.what()).c_str());
    return 0;
  }
  std::printf("{\"outcome\": \"works\", \"held\": %s, \"note\": %s}\n", job.held ? "true" : "false",
              quoted(job.note).c_str());
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  return run(arguments[1], arguments[2]);
}
