#include "os/fault/guard.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {

struct GuardSlot {};

// A page of a view cannot be exchanged alone: views are taken away and mapped as a whole.
Guard::Guard(std::byte*, std::size_t, Protection, const File*) : slot_(nullptr) {
  throw Error({.code = Code::unsupported,
               .reason = "this system cannot put memory in the place of lost pages of a file",
               .advice = "Open the file with owned access, or without guard."});
}

Guard::~Guard() = default;

void Guard::forget_file() noexcept {}

std::uint64_t Guard::damaged_bytes() const noexcept { return 0; }

bool is_damaged(std::span<const std::byte>) noexcept { return false; }

GuardPause::GuardPause() noexcept : saved_signals_{} {}
GuardPause::~GuardPause() = default;

}  // namespace tensorhold::os
