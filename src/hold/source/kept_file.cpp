#include "hold/source/kept_file.hpp"

#include "os/file/mapping.hpp"
#include "os/process/process.hpp"

namespace tensorhold::hold {
namespace {

constinit std::atomic<std::uint64_t> parked_files = 0;

}  // namespace

KeptFile::KeptFile(std::shared_ptr<const Opened> opened) : lock_(opened->lock) {
  if (os::mapped_files_shrink)
    opened_ = std::move(opened);
  else
    give_up();
}

KeptFile::Use::Use(const KeptFile& kept) noexcept : kept_(kept) {
  std::uint32_t seen = kept_.uses_.load(std::memory_order_relaxed);
  while (seen != 0) {
    if (!kept_.uses_.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel)) continue;
    file_ = &kept_.opened_->file;
    return;
  }
}

KeptFile::Use::~Use() {
  if (file_ != nullptr) kept_.leave();
}

std::shared_ptr<const os::File> KeptFile::handle() const noexcept {
  const Use use(*this);
  if (use.file() == nullptr) return nullptr;
  return {opened_, use.file()};
}

void KeptFile::leave() const noexcept {
  if (uses_.fetch_sub(1, std::memory_order_acq_rel) == 1) opened_.reset();
}

void KeptFile::give_up() noexcept {
  if (!given_up_.exchange(true)) leave();
}

bool KeptFile::park() noexcept {
  if (given_up_.load() || parked_.load()) return true;
  if (parked_files.fetch_add(1) >= os::open_files_limit() / 4) {
    parked_files.fetch_sub(1);
    return false;
  }
  // Each parking is counted once, whoever ends it.
  if (parked_.exchange(true) || (given_up_.load() && parked_.exchange(false)))
    parked_files.fetch_sub(1);
  return true;
}

void KeptFile::end() noexcept {
  give_up();
  if (parked_.exchange(false)) parked_files.fetch_sub(1);
  lock_.reset();
}

}  // namespace tensorhold::hold
