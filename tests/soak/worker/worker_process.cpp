#include "worker/worker_process.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "worker/worker.hpp"

namespace tensorhold::soak {
namespace {

/// The kernel kills this process after some time, wherever its threads are then.
void arm_kill(std::uint64_t nanoseconds) {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGKILL;
  timer_t timer{};
  itimerspec when{};
  when.it_value.tv_sec = static_cast<time_t>(nanoseconds / 1'000'000'000);
  when.it_value.tv_nsec = static_cast<long>(nanoseconds % 1'000'000'000) + 1;
  if (::timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 ||
      ::timer_settime(timer, 0, &when, nullptr) != 0)
    (void)::raise(SIGKILL);
}

void run_thread(Board& board, const Place& place, const Setup& setup, std::size_t process,
                std::size_t thread, std::uint64_t life) {
  Worker worker(board, place, setup, process, thread, life);
  Desk& desk = board.desk(process, thread);
  Random random(mix(setup.seed) ^ mix(0x5000 + process) ^ mix(0x20000 + life));
  // One life in eight ends with the round.
  const std::uint64_t kill_at =
      random.one_in(8) ? ~std::uint64_t{0} : desk.steps + 20 + random.below(120);
  // From a microsecond to some 30 milliseconds: as long as operations take.
  const std::uint64_t delay = (1000 + random.below(1000)) << random.below(15);
  bool armed = false;
  while (!board.stop) {
    if (thread == 0 && !armed && desk.steps >= kill_at) {
      arm_kill(delay);
      armed = true;
    }
    worker.step();
  }
  // Who is to be killed waits for it.
  while (armed) (void)::pause();
}

}  // namespace

pid_t start(Board& board, const std::function<void()>& work) {
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child != 0) {
    if (child > 0) (void)::setpgid(child, child);
    return child;
  }
  (void)::setpgid(0, 0);
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(0);
  try {
    work();
  } catch (const std::exception& error) {
    board.report(Bad::unexplained, std::string("outside of any operation: ") + error.what());
  }
  ::_exit(0);
}

pid_t start_workers(Board& board, const Place& place, const Setup& setup, std::size_t process,
                    std::uint64_t life) {
  return start(board, [&, process, life] {
    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < setup.threads; ++i)
      threads.emplace_back([&, i] { run_thread(board, place, setup, process, i, life); });
    run_thread(board, place, setup, process, 0, life);
    for (std::thread& thread : threads) thread.join();
  });
}

std::string stacks_of(pid_t process) {
  const std::string pid = std::to_string(process);
  // A debugger that waits for a process to stop does not heed SIGTERM.
  const std::string command =
      "if command -v gdb >/dev/null; then timeout -s KILL 60 gdb -nx -batch -p " + pid +
      " -ex 'set width 0' -ex 'thread apply all bt 24'; elif command -v eu-stack >/dev/null; then "
      "timeout -s KILL 60 "
      "eu-stack -p " +
      pid + "; else echo 'neither gdb nor eu-stack is installed'; fi 2>/dev/null";
  std::FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return "no stacks: popen failed\n";
  std::string text;
  std::array<char, 4096> line{};
  while (std::fgets(line.data(), line.size(), pipe) != nullptr)
    if (line[0] == '#' || line[0] == 'T' || line[0] == 'n') text += line.data();
  (void)::pclose(pipe);
  return text;
}

}  // namespace tensorhold::soak
