#include "lockfs/server/faults.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>

namespace tensorhold::lockfs {
namespace {

bool covers(std::uint64_t offset, std::size_t size, const std::optional<std::uint64_t>& byte) {
  return byte && *byte >= offset && *byte - offset < size;
}

std::size_t half(std::size_t size) { return size / 2 + size % 2; }

}  // namespace

int Faults::interrupt(const Switches& switches) {
  const std::uint64_t every = switches.eintr_every.value_or(0);
  return every > 0 && (++requests_ % every) == 0 ? EINTR : 0;
}

Verdict Faults::read(const Switches& switches, std::uint64_t offset, std::size_t size) const {
  if (covers(offset, size, switches.eio_at)) return {.error = EIO};
  return {.size = switches.short_reads ? half(size) : size};
}

Verdict Faults::write(const Switches& switches, std::uint64_t offset, std::size_t size) {
  if (covers(offset, size, switches.eio_write_at)) return {.error = EIO};
  const std::lock_guard lock(mutex_);
  const std::uint64_t left = room(switches);
  if (size > 0 && left == 0) return {.error = ENOSPC};
  const auto granted = static_cast<std::size_t>(
      std::min<std::uint64_t>(left, switches.short_writes ? half(size) : size));
  written_ += granted;
  return {.size = granted};
}

void Faults::give_back(std::size_t size) {
  const std::lock_guard lock(mutex_);
  written_ -= std::min<std::uint64_t>(written_, size);
}

int Faults::reserve(const Switches& switches, std::uint64_t size) const {
  const std::lock_guard lock(mutex_);
  return size > room(switches) ? ENOSPC : 0;
}

void Faults::count_anew() {
  const std::lock_guard lock(mutex_);
  written_ = 0;
}

std::uint64_t Faults::room(const Switches& switches) const {
  if (!switches.enospc_after) return std::numeric_limits<std::uint64_t>::max();
  return *switches.enospc_after - std::min(*switches.enospc_after, written_);
}

}  // namespace tensorhold::lockfs
