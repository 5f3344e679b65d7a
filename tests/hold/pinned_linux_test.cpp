// Memory that the kernel itself has pinned, as a buffer of an io_uring.
#include <gtest/gtest.h>
#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "support/child_posix.hpp"
#include "support/many_tensors.hpp"

namespace tensorhold {
namespace {

/// A ring with one registered buffer; a reason when there is none.
class Ring {
 public:
  Ring() {
    io_uring_params parameters{};
    descriptor_ = static_cast<int>(::syscall(SYS_io_uring_setup, 1, &parameters));
    if (descriptor_ < 0) reason_ = std::string("skip: no io_uring: ") + std::strerror(errno);
  }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring() {
    if (descriptor_ >= 0) (void)::close(descriptor_);
  }
  /// Empty, or why not.
  std::string register_buffer(std::span<std::byte> bytes) {
    if (descriptor_ < 0) return reason_;
    iovec buffer{bytes.data(), bytes.size()};
    if (::syscall(SYS_io_uring_register, descriptor_, IORING_REGISTER_BUFFERS, &buffer, 1) == 0)
      return "";
    return std::string("skip: no registered buffers: ") + std::strerror(errno);
  }
  bool unregister() {
    return ::syscall(SYS_io_uring_register, descriptor_, IORING_UNREGISTER_BUFFERS, nullptr, 0) ==
           0;
  }

 private:
  int descriptor_ = -1;
  std::string reason_;
};

// In a child: what is pinned here is nobody else's business.
TEST(MemoryOfARegisteredBuffer, KeepsEveryFileFromBeingReleased) {
  const test::ManyTensors made(2, 512 * 16);
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    const File file = made.open();
    const Tensor tensor = file.at(0);
    const Tensor view = file.writable(made.name(1));
    Ring ring;
    if (const std::string reason = ring.register_buffer(view.writable_bytes()); !reason.empty())
      return reason;
    const Result<Released> refused = try_release(made.path());
    if (refused) return "not refused";
    if (refused.error().code() != Code::release_refused) return refused.error().what();
    if (!tensor.mapped() || !view.mapped()) return "something was released";
    // The word of a caller who has pins of what is his.
    {
      const Pin held = pin(view);
      const Result<Released> named = try_release(made.path(), {.pinned_elsewhere = true});
      if (named || named.error().tensor() != made.name(1)) return "the pin does not count";
    }
    if (!ring.unregister()) return "skip: the buffer stays registered";
    (void)file.release();
    return made.wrong_words(tensor, 0) == 0 && !view.mapped() ? "" : "wrong after release";
  }));
}

TEST(MemoryOfARegisteredBuffer, OfSomebodyElseIsTheCallersWord) {
  const test::ManyTensors made(1, 512 * 16);
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    std::vector<std::byte> buffer(1 << 16);
    Ring ring;
    if (const std::string reason = ring.register_buffer(buffer); !reason.empty()) return reason;
    const File file = made.open();
    const Tensor tensor = file.at(0);
    if (try_release(made.path())) return "not refused";
    (void)file.release({.pinned_elsewhere = true});
    return made.wrong_words(tensor, 0) == 0 && !tensor.mapped() ? "" : "wrong after release";
  }));
}

}  // namespace
}  // namespace tensorhold
