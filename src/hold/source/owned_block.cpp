#include "hold/source/owned_block.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "base/checked.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::hold {
namespace {

[[noreturn]] void raise_closed(const Source& source) {
  throw Error({.code = Code::closed,
               .reason = "the file was closed before this tensor was read",
               .advice = "Open the file again.",
               .path = source.path()});
}

}  // namespace

OwnedBlock::OwnedBlock(std::shared_ptr<const Catalog> catalog, std::shared_ptr<Source> source)
    : Block(std::move(catalog)),
      source_(std::move(source)),
      slots_(static_cast<std::atomic<std::byte*>*>(std::calloc(
          std::max<std::size_t>(this->catalog().size(), 1), sizeof(std::atomic<std::byte*>)))) {
  if (!slots_) throw std::bad_alloc();
  source_->add(this);
}

void OwnedBlock::vacate() noexcept {
  source_->remove(this);
  const std::lock_guard lock(mutex_);
  for (std::uint32_t i = 0; i < catalog().size(); ++i) (void)take(i);
}

const std::byte* OwnedBlock::stable_data(std::uint32_t index) noexcept {
  return slots_[index].load(std::memory_order_acquire);
}

const std::byte* OwnedBlock::data(std::uint32_t index) {
  if (const std::byte* bytes = stable_data(index)) return bytes;
  return load(index);
}

const std::byte* OwnedBlock::load(std::uint32_t index) {
  const auto nbytes = base::checked_size(catalog().nbytes(index));
  if (!nbytes)
    throw Error({.code = Code::out_of_memory,
                 .reason = "the tensor is larger than the address space",
                 .advice = "Copy it in slices.",
                 .path = source_->path(),
                 .tensor = std::string(catalog().name(index))});
  OwnedMemory memory = allocate_owned(*nbytes);
  if (*nbytes == 0) return keep(index, std::move(memory));
  // Read without the lock: two threads may both read a tensor on its first use, and one result is
  // kept.
  const auto handle = source_->handle();
  if (!handle) {
    // Another thread that read the tensor meanwhile may have been the last to need the file.
    if (const std::byte* bytes = stable_data(index)) return bytes;
    raise_closed(*source_);
  }
  handle->read_at(catalog().offset(index), std::span(memory.get(), *nbytes));
  return keep(index, std::move(memory));
}

const std::byte* OwnedBlock::keep(std::uint32_t index, OwnedMemory memory) noexcept {
  const std::lock_guard lock(mutex_);
  if (const std::byte* other = stable_data(index)) return other;
  if (finished_ && live(index) == 0) return nullptr;
  std::byte* const bytes = memory.release();
  slots_[index].store(bytes, std::memory_order_release);
  unread_.erase(index);
  close_when_read();
  return bytes;
}

void OwnedBlock::read(std::uint32_t index, std::uint64_t from, std::span<std::byte> out) {
  if (out.empty()) return;
  const std::byte* bytes = stable_data(index);
  if (bytes == nullptr) {
    if (const auto handle = source_->handle())
      return handle->read_at(catalog().offset(index) + from, out);
    bytes = stable_data(index);  // as in load()
    if (bytes == nullptr) raise_closed(*source_);
  }
  std::memcpy(out.data(), bytes + from, out.size());
}

void OwnedBlock::closing() noexcept {
  const std::lock_guard lock(mutex_);
  finish();
  for (std::uint32_t i = 0; i < catalog().size(); ++i)
    if (live(i) == 0) (void)take(i);
}

void OwnedBlock::finish() noexcept {
  finished_ = true;
  close_when_read();
}

void OwnedBlock::load_live() {
  std::vector<std::uint32_t> wanted;
  {
    const std::lock_guard lock(mutex_);
    wanted.assign(unread_.begin(), unread_.end());
  }
  std::sort(wanted.begin(), wanted.end());  // offset order
  for (const std::uint32_t index : wanted) {
    // Keeps the memory from being freed while it is being filled.
    if (!try_copy_tensor(index)) continue;  // its last handle went meanwhile
    try {
      (void)data(index);
    } catch (...) {
      drop_tensor(index);
      throw;
    }
    drop_tensor(index);
  }
  const std::lock_guard lock(mutex_);
  finish();
}

void OwnedBlock::close_when_read() noexcept {
  if (finished_ && unread_.empty()) source_->close();
}

bool OwnedBlock::acquired(std::uint32_t index, bool) {
  // Also when it is not the first: that may be on its way here still.
  const std::lock_guard lock(mutex_);
  if (stable_data(index) != nullptr) return true;
  // Whoever ends the file looks at unread_ after that: a tensor is in it by then, or refused here.
  if (source_->ended() || finished_) return unread_.contains(index);
  if (catalog().nbytes(index) != 0) unread_.insert(index);
  return true;
}

void OwnedBlock::last_dropped(std::uint32_t index) noexcept {
  const std::lock_guard lock(mutex_);
  if (live(index) != 0) return;
  (void)take(index);
  unread_.erase(index);
  close_when_read();
}

OwnedMemory OwnedBlock::take(std::uint32_t index) noexcept {
  // Memory there was allocated with this size, so it fits.
  return adopt_owned(slots_[index].exchange(nullptr),
                     static_cast<std::size_t>(catalog().nbytes(index)));
}

}  // namespace tensorhold::hold
