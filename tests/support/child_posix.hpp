// Runs part of a test in a forked child, where user, limits, mounts and filters may be changed
// without a trace in the other tests.
#pragma once

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <exception>
#include <functional>
#include <string>

namespace tensorhold::test {

/// What `body` returns in a child: an empty text for success, or what went wrong. A text that
/// begins with "skip: " says why the machine cannot run it.
inline std::string in_child(const std::function<std::string()>& body) {
  std::array<int, 2> pipe{};
  if (::pipe(pipe.data()) != 0) return "skip: no pipe";
  const pid_t child = ::fork();
  if (child < 0) return "skip: no process";
  if (child == 0) {
    (void)::close(pipe[0]);
    std::string text;
    try {
      text = body();
    } catch (const std::exception& error) {
      text = std::string("exception: ") + error.what();
    }
    text += '.';
    const ssize_t wrote = ::write(pipe[1], text.data(), text.size());
    ::_exit(wrote == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  (void)::close(pipe[1]);
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = ::read(pipe[0], buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<std::size_t>(got));
  (void)::close(pipe[0]);
  int status = 0;
  (void)::waitpid(child, &status, 0);
  if (!WIFEXITED(status) || text.empty())
    return "the child ended with status " + std::to_string(status);
  text.pop_back();
  return text;
}

/// Gives up the rights of root for this process; false when that is refused.
inline bool drop_root() {
  constexpr unsigned nobody = 65534;
  if (::geteuid() != 0) return true;
  return ::setegid(nobody) == 0 && ::seteuid(nobody) == 0;
}

}  // namespace tensorhold::test

/// Ends the test as skipped or failed by the text of in_child().
#define TENSORHOLD_EXPECT_CHILD(text)                                   \
  do {                                                                  \
    const std::string child_says = (text);                              \
    if (child_says.rfind("skip: ", 0) == 0) GTEST_SKIP() << child_says; \
    EXPECT_EQ(child_says, "");                                          \
  } while (false)
