// Holds: releases, locks, and forks beside all of it.
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <limits>
#include <thread>

#include "worker/holding.hpp"
#include "worker/worker.hpp"

namespace tensorhold::soak {
namespace {

// Children of this process that are alive, and when the last one ended.
std::atomic<int> children{0};
std::atomic<std::uint64_t> last_child_ended{0};

}  // namespace

std::uint64_t forked_until() {
  return children.load() > 0 ? std::numeric_limits<std::uint64_t>::max() : last_child_ended.load();
}

void Worker::release_file(const Spec& spec) {
  Look look;
  const std::optional<File> file = open_to_read(spec, look, random_.one_in(6));
  if (!file) return;
  (void)attempt(
      Op::release, spec,
      [&] {
        std::vector<Tensor> tensors;
        for (std::size_t i = 0; i < file->size() && tensors.size() < 3; ++i) {
          auto tensor = file->try_get(file->info(i).name);
          // Another thread may be faster with files that all may release.
          if (!tensor && tensor.error().code() == Code::released && !look.exact) return;
          tensors.push_back(std::move(tensor).value());
        }
        // An owned tensor reads its file on first use, and mapped ones whenever the system likes.
        for (const Tensor& tensor : tensors)
          if (!tensor.mapped()) (void)tensor.bytes();
        std::vector<const std::byte*> addresses;
        for (const Tensor& tensor : tensors) addresses.push_back(tensor.bytes().data());
        if (random_.one_in(2)) (void)tensorhold::release(spec.path);
        (void)file->release();
        for (std::size_t i = 0; i < tensors.size(); ++i) {
          const Tensor& tensor = tensors[i];
          if (tensor.mapped()) throw Wrong("a tensor is mapped after the release of its file");
          if (tensor.bytes().data() != addresses[i]) throw Wrong("a release moved a tensor");
          check_bytes(board_, look, index_of(look, tensor.name()), tensor.bytes());
        }
        const auto after = file->try_get(file->info(0).name);
        if (after) throw Wrong("a File that was released gives a tensor");
        if (after.error().code() != Code::released) raise(after.error());
      },
      look.opened_at);
}

void Worker::lock_file(const Spec& spec) {
  (void)attempt(Op::lock, spec, [&] {
    const std::chrono::milliseconds wait(random_.below(3) * 20);
    const bool exclusive = random_.one_in(3);
    const FileLock lock =
        exclusive ? lock_exclusive(spec.path, wait) : lock_shared(spec.path, wait);
    if (!lock.owns()) throw Wrong("a lock that was taken says that it is none");
    std::this_thread::sleep_for(std::chrono::microseconds(random_.below(500)));
  });
}

/// What a forked child does: everything that a program might, on a file of its own, and then ends.
void Worker::be_child() {
  in_child_ = true;
  check_kept();
  Ledger& ledger = desk_.forked;
  const Spec spec = forked(place_, number_);
  for (int turn = 0; turn < 3; ++turn) {
    switch (random_.below(5)) {
      case 0:
        save_file(spec);
        break;
      case 1:
        edit_file(spec);
        break;
      case 2:
        overwrite_tensor(spec);
        break;
      case 3:
        release_file(ledger.state().exists ? spec : steady(place_, 0));
        break;
      default:
        write_with_writer(spec);
        break;
    }
    Look look;
    const Spec other = random_.one_in(2) ? spec : any_shared();
    const std::optional<File> file = open_to_read(other, look, false);
    if (!file) continue;
    read_all(*file, look);
    read_copies(*file, look);
    read_load(*file, look);
  }
  check_kept();
}

void Worker::fork_child() {
  board_.ops.at(static_cast<std::size_t>(Op::fork)) += 1;
  board_.forks += 1;
  desk_.op = Op::fork;
  desk_.steps += 1;
  const pid_t parent = ::getpid();
  children += 1;
  const pid_t child = ::fork();
  if (child == 0) {
    // The group dies together; this is for the moment before it is known that the parent is gone.
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(0);
    desk_.child = ::getpid();
    be_child();
    ::_exit(0);
  }
  int status = 0;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  desk_.child = 0;
  last_child_ended = now();
  children -= 1;
  if (child > 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0) &&
      !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
    board_.report(Bad::unexplained, "fork: a child ended with status " + std::to_string(status) +
                                        " after \"" + std::string(to_string(desk_.op.load())) +
                                        "\" of " + desk_.file.data());
}

void Worker::hold_step() {
  switch (random_.below(6)) {
    case 0:
    case 1:
      release_file(any_file());
      break;
    case 2:
      lock_file(any_shared());
      break;
    case 3:
      (void)attempt(Op::holders, steady(place_, 0), [&] { (void)holders(steady(place_, 0).path); });
      break;
    case 4:
      fork_child();
      break;
    default:
      check_kept();
      if (!kept_.empty()) kept_.pop_front();
      break;
  }
}

}  // namespace tensorhold::soak
