#include "supervisor.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <thread>

#include "failures.hpp"
#include "judge.hpp"
#include "plant.hpp"
#include "worker/worker_process.hpp"

namespace tensorhold::soak {
namespace {

std::atomic<bool> signalled{false};
static_assert(std::atomic<bool>::is_always_lock_free);

constexpr auto tick = std::chrono::milliseconds(5);
constexpr std::uint64_t milliseconds = 1'000'000;
constexpr std::uint64_t seconds = 1000 * milliseconds;
constexpr std::uint64_t round_length = 6 * seconds;
constexpr std::uint64_t most_findings = 300;

struct Process {
  pid_t pid = 0;
  std::uint64_t life = 0;
  std::uint64_t stopped_until = 0;  ///< 0: it runs
  bool hung = false;                ///< was ended because it hung
  std::array<std::uint64_t, most_threads> steps{};
  std::array<std::uint64_t, most_threads> changed{};
  std::array<pid_t, most_threads> ended_child{};  ///< forked by a thread, and ended because it hung
};

class Supervisor {
 public:
  Supervisor(Board& board, const Place& place, const Attack& attack)
      : board_(board),
        place_(place),
        attack_(attack),
        setup_(attack.setup),
        random_(mix(attack.setup.seed) ^ 0x5afe),
        failures_(board, place.control, mix(attack.setup.seed) ^ 0xfa11),
        processes_(attack.setup.processes) {}

  void run() {
    failures_.all_off();
    if (!judged([&] { prepare(board_, place_, attack_.setup); })) return;
    const std::uint64_t end = now() + attack_.seconds * seconds;
    planted_at_ = now() + attack_.seconds * seconds / 3;
    while (now() < end && !over()) run_round(std::min(end, now() + round_length));
  }

 private:
  [[nodiscard]] bool over() const {
    return interrupted() || board_.all_bad() >= most_findings ||
           board_.bad.at(static_cast<std::size_t>(Bad::hang)) >= 3;
  }

  void run_round(std::uint64_t end) {
    board_.stop = false;
    setup_.narrow = rounds_++ % 2 != 0;
    for (std::size_t i = 0; i < processes_.size(); ++i) begin(i);
    std::uint64_t next_stop = now();
    std::uint64_t next_failure = now();
    while (now() < end && !over()) {
      std::this_thread::sleep_for(tick);
      reap(true);
      watch();
      go_on();
      // A planted hang would be undone by the end of a stop.
      if (now() >= next_stop && attack_.plant != Plant::hang) {
        stop_one();
        next_stop = now() + (50 + random_.below(500)) * milliseconds;
      }
      if (now() >= next_failure) {
        failures_.turn();
        next_failure = now() + (20 + random_.below(400)) * milliseconds;
      }
      if (now() >= planted_at_ && board_.all_bad() == 0)
        plant_fault(place_, attack_.plant, processes_.front().pid);
      show_progress();
    }
    board_.stop = true;
    failures_.all_off();
    while (std::ranges::any_of(processes_, [](const Process& one) { return one.pid != 0; })) {
      std::this_thread::sleep_for(tick);
      reap(false);
      watch();
      go_on();
      if (interrupted()) end_all();
    }
    if (!interrupted()) (void)judged([&] { judge_place(board_, place_, attack_.setup); });
  }

  void begin(std::size_t index) {
    Process& process = processes_.at(index);
    process.pid = start_workers(board_, place_, setup_, index, process.life++);
    process.hung = false;
    process.stopped_until = 0;
    process.changed.fill(now());
    process.ended_child.fill(0);
    if (process.pid < 0) {
      process.pid = 0;
      board_.report(Bad::unexplained, "no process: fork failed");
    }
  }

  /// Takes notice of processes that ended; those that were killed have their files judged, and
  /// begin a new life.
  void reap(bool again) {
    for (std::size_t i = 0; i < processes_.size(); ++i) {
      Process& process = processes_.at(i);
      int status = 0;
      if (process.pid == 0 || ::waitpid(process.pid, &status, WNOHANG) != process.pid) continue;
      const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
      if (killed) board_.kills += 1;
      if (!killed && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) report_end(i, status);
      end_group(process);
      // Failures of the disk must not keep the judge from looking.
      failures_.all_off();
      if (interrupted()) continue;
      for (std::size_t thread = 0; thread < attack_.setup.threads && killed; ++thread)
        (void)judged([&] { judge_desk(board_, place_, i * most_threads + thread); });
      if (again) begin(i);
    }
  }

  /// Ends what a process forked and left, and waits for it: this process gets orphans as children.
  static void end_group(Process& process) {
    (void)::kill(-process.pid, SIGKILL);
    while (::waitpid(-process.pid, nullptr, 0) > 0 || errno == EINTR) errno = 0;
    process.pid = 0;
  }
  void end_all() {
    for (Process& process : processes_)
      if (process.pid != 0) (void)::kill(-process.pid, SIGKILL);
  }

  void report_end(std::size_t index, int status) {
    std::string text = "a worker process ended with " +
                       (WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                                            : "status " + std::to_string(WEXITSTATUS(status))) +
                       " on " + place_.name + "; its threads did:";
    for (std::size_t thread = 0; thread < attack_.setup.threads; ++thread) {
      const Desk& desk = board_.desk(index, thread);
      text += " " + std::string(to_string(desk.op.load())) + " of " + desk.file.data() + ";";
    }
    board_.report(Bad::unexplained, text);
  }

  void stop_one() {
    Process& process = processes_.at(random_.below(processes_.size()));
    if (process.pid == 0 || process.stopped_until != 0) return;
    (void)::kill(-process.pid, SIGSTOP);
    process.stopped_until = now() + (1 + random_.below(200)) * milliseconds;
    board_.stops += 1;
  }
  void go_on() {
    for (Process& process : processes_) {
      if (process.pid == 0 || process.stopped_until == 0 || now() < process.stopped_until) continue;
      (void)::kill(-process.pid, SIGCONT);
      process.stopped_until = 0;
    }
  }

  /// Ends who made no step for too long, after a look at where it stands.
  void watch() {
    for (std::size_t i = 0; i < processes_.size(); ++i) {
      Process& process = processes_.at(i);
      if (process.pid == 0 || process.hung) continue;
      for (std::size_t thread = 0; thread < attack_.setup.threads; ++thread) {
        Desk& desk = board_.desk(i, thread);
        if (desk.steps != process.steps.at(thread)) {
          process.steps.at(thread) = desk.steps;
          process.changed.at(thread) = now();
        }
        if (now() < process.changed.at(thread) + attack_.hang_seconds * seconds) continue;
        // Who makes no step after its child was ended hangs itself.
        pid_t child = desk.child;
        if (child == process.ended_child.at(thread)) child = 0;
        report_hang(child != 0 ? child : process.pid, desk);
        // A child alone: its parent goes on.
        (void)::kill(child != 0 ? child : process.pid, SIGKILL);
        process.changed.at(thread) = now();
        process.ended_child.at(thread) = child;
        process.hung = child == 0;
        break;
      }
    }
  }

  void report_hang(pid_t pid, const Desk& desk) {
    const std::string what = std::string(to_string(desk.op.load())) + " of " + desk.file.data() +
                             " on " + place_.name + (desk.child != 0 ? ", in a forked child" : "") +
                             ": no step for " + std::to_string(attack_.hang_seconds) + " s";
    const std::string stacks = stacks_of(pid);
    (void)std::fprintf(stderr, "\nhang: %s\n%s\n", what.c_str(), stacks.c_str());
    board_.report(Bad::hang, what);
  }

  /// Runs `work` in a process of its own; false when that did not end as it has to.
  bool judged(const std::function<void()>& work) {
    const pid_t pid = start(board_, work);
    const std::uint64_t end = now() + (60 + attack_.hang_seconds) * seconds;
    int status = 0;
    while (pid > 0 && ::waitpid(pid, &status, WNOHANG) == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      if (now() < end && !interrupted()) continue;
      if (!interrupted()) {
        (void)std::fprintf(stderr, "\nhang of the judge\n%s\n", stacks_of(pid).c_str());
        board_.report(Bad::hang, "judging files on " + place_.name);
      }
      (void)::kill(pid, SIGKILL);
      (void)::waitpid(pid, &status, 0);
      return false;
    }
    const bool ended = pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!ended)
      board_.report(Bad::unexplained, "judging files on " + place_.name +
                                          ": the process ended with status " +
                                          std::to_string(status));
    return ended;
  }

  void show_progress() {
    if (!attack_.progress || now() < next_progress_) return;
    next_progress_ = now() + seconds / 2;
    (void)std::fprintf(stderr,
                       "\r%-16.16s %9llu operations  %6llu kills  %5llu forks  %4llu found ",
                       place_.name.c_str(), static_cast<unsigned long long>(board_.all_ops()),
                       static_cast<unsigned long long>(board_.kills),
                       static_cast<unsigned long long>(board_.forks),
                       static_cast<unsigned long long>(board_.all_bad()));
  }

  Board& board_;
  const Place& place_;
  const Attack& attack_;
  Setup setup_;  ///< of the round
  std::uint64_t rounds_ = 0;
  Random random_;
  Failures failures_;
  std::vector<Process> processes_;
  std::uint64_t planted_at_ = 0;
  std::uint64_t next_progress_ = 0;
};

}  // namespace

bool interrupted() { return signalled; }

void watch_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { signalled = true; };
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) (void)::sigaction(signal, &action, nullptr);
}

Board* attack(const Place& place, const Attack& attack) {
  Board* const board = make_board();
  if (board == nullptr) return nullptr;
  // Children of workers that were killed come here.
  (void)::prctl(PR_SET_CHILD_SUBREAPER, 1);
  Supervisor(*board, place, attack).run();
  if (attack.progress) (void)std::fprintf(stderr, "\r%79s\r", "");
  return board;
}

}  // namespace tensorhold::soak
