#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/boundary.hpp"
#include "base/checked.hpp"
#include "base/log.hpp"
#include "file/access.hpp"
#include "file/file_impl.hpp"
#include "format/parse/parse.hpp"
#include "hold/block/memory_block.hpp"
#include "hold/source/registry.hpp"
#include "lock/lock.hpp"
#include "os/file/file.hpp"
#include "recover/journal_recovery.hpp"
#include "tensorhold/file.hpp"

namespace tensorhold {
inline namespace v0 {
namespace {

constexpr const char* doing = "opening a file";

/// Where the bytes of a file come from while its header is read.
class HeaderSource {
 public:
  HeaderSource() = default;
  HeaderSource(const HeaderSource&) = delete;
  HeaderSource& operator=(const HeaderSource&) = delete;
  virtual void read(std::uint64_t offset, std::span<std::byte> out) const = 0;

 protected:
  ~HeaderSource() = default;
};

class FileHeaderSource final : public HeaderSource {
 public:
  explicit FileHeaderSource(const os::File& file) : file_(file) {}
  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    file_.read_at(offset, out);
  }

 private:
  const os::File& file_;
};

class MemoryHeaderSource final : public HeaderSource {
 public:
  explicit MemoryHeaderSource(std::span<const std::byte> bytes) : bytes_(bytes) {}
  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    std::ranges::copy(bytes_.subspan(static_cast<std::size_t>(offset), out.size()), out.begin());
  }

 private:
  std::span<const std::byte> bytes_;
};

void check_options(const OpenOptions& options, const std::string& path) {
  if (options.header_limit > std::numeric_limits<std::uint32_t>::max() - 8)
    throw Error({.code = Code::invalid_argument,
                 .reason = "header_limit is " + std::to_string(options.header_limit) +
                           ", above what a header may ever have",
                 .advice = "Use less than 4 GiB.",
                 .path = path});
}

/// Reads and checks the header, and fills what an Impl knows of it.
void read_header(const HeaderSource& source, std::uint64_t file_bytes, const OpenOptions& options,
                 File::Impl& impl) {
  const format::ParseOptions parse_options{
      .lenient = options.lenient, .header_limit = options.header_limit, .path = impl.path};
  std::vector<std::byte> first(
      static_cast<std::size_t>(std::min<std::uint64_t>(file_bytes, format::sniff_bytes)));
  source.read(0, first);
  const std::uint64_t length = format::check_length(first, file_bytes, parse_options);
  // Not filled with zeros first: a long header's pages are touched once, by the read.
  const auto size = static_cast<std::size_t>(length);
  const auto text = std::make_unique_for_overwrite<char[]>(size);
  const auto bytes = std::as_writable_bytes(std::span(text.get(), size));
  const std::size_t known = std::min(size, first.size() - format::prefix_bytes);
  std::copy_n(first.begin() + format::prefix_bytes, known, bytes.begin());
  source.read(format::prefix_bytes + known, bytes.subspan(known));
  impl.catalog = std::make_shared<const tensor::FileCatalog>(
      format::parse({text.get(), size}, file_bytes, parse_options), format::prefix_bytes + length);
  impl.file_bytes = file_bytes;
  impl.header_bytes = length;
}

void refuse_other_kinds(const os::FileStatus& status, const std::string& path) {
  if (status.kind == os::FileKind::regular) return;
  const bool folder = status.kind == os::FileKind::directory;
  throw Error({.code = Code::not_a_file,
               .reason = folder ? "a folder stands here" : "this is not a regular file",
               .advice = folder ? "Open the .safetensors files in it one by one."
                                : "Save its bytes to a file, or open them in memory.",
               .path = path});
}

bool is_refusal(Code code) noexcept {
  return code == Code::cannot_map || code == Code::unsupported || code == Code::out_of_memory;
}

std::string why_refused(Code code, std::uint64_t nbytes) {
  if (code == Code::cannot_map) return "Owned: this filesystem does not map files.";
  if (code == Code::unsupported) return "Owned: this system cannot guard a mapping.";
  return "Owned: the system has no address space for a mapping of " + std::to_string(nbytes) +
         " bytes (a limit such as ulimit -v, or too many mappings).";
}

hold::BlockRef make_block(File::Impl& impl, const OpenOptions& options) {
  // What stands before the tensors is in memory already.
  const std::uint64_t nbytes = impl.file_bytes - impl.header_bytes;
  io::AccessChoice choice =
      io::choose_access(io::access_facts(options.access, *impl.source->handle(), nbytes));
  if (choice.access == Access::mapped) {
    try {
      hold::BlockRef block(
          new hold::MappedBlock(impl.catalog, impl.source, {.guard = options.guard}));
      impl.access = Access::mapped;
      impl.why = std::move(choice.why);
      return block;
    } catch (const Error& error) {
      if (!choice.may_fall_back || !is_refusal(error.code())) throw;
      choice.why = why_refused(error.code(), nbytes);
    }
  }
  impl.access = Access::owned;
  impl.why = std::move(choice.why);
  impl.owned = new hold::OwnedBlock(impl.catalog, impl.source);
  return hold::BlockRef(impl.owned);
}

/// What is known of an open file, from `path` and `options`.
std::shared_ptr<File::Impl> make_impl(const std::string& path, const OpenOptions& options) {
  auto impl = std::make_shared<File::Impl>();
  impl->path = path;
  impl->guard = options.guard;
  check_options(options, path);
  return impl;
}

/// From the header that `impl` knows to a file that is ready. `status`: from before the header was
/// read.
File finish_open(std::shared_ptr<File::Impl> impl, os::File handle, const os::FileStatus& status,
                 const OpenOptions& options, std::optional<os::Lock> lock = {}) {
  impl->source =
      std::make_shared<hold::Source>(std::move(handle), status, options.label, std::move(lock));
  impl->block.open(make_block(*impl, options));
  // When all is there: from here on others may release it.
  hold::enlist(impl->source);
  if (base::log_enabled()) base::log("open " + impl->path + ": " + impl->why);
  return FileAccess::adopt(std::move(impl));
}

/// Reads the header of `handle` in one state, and gives the status of that; false: `watch` is to
/// settle a journal first.
bool read_header_steadily(const os::File& handle, io::JournalWatch* watch,
                          const OpenOptions& options, File::Impl& impl, os::FileStatus& seen) {
  return io::read_steadily(handle, watch, [&](const os::FileStatus& status) {
    seen = status;
    refuse_other_kinds(status, impl.path);
    read_header(FileHeaderSource(handle), status.size, options, impl);
  });
}

File open_path(const std::string& path, const OpenOptions& options) {
  const std::shared_ptr<File::Impl> impl = make_impl(path, options);
  std::optional<io::JournalWatch> watch;
  for (bool was_link = false;;) {
    std::optional<os::Lock> lock;
    if (options.lock) lock = io::take_lock(path, os::LockMode::shared, options.lock_timeout);
    bool is_link = false;
    os::File handle = os::open_and_tell(path, is_link);
    if (!watch || is_link != was_link) watch.emplace(path, is_link);
    was_link = is_link;
    // Who replaces the file takes no lock, and may do so between the two.
    if (lock && !(handle.status().identity == lock->identity())) continue;
    os::FileStatus status;
    if (read_header_steadily(handle, &*watch, options, *impl, status))
      return finish_open(impl, std::move(handle), status, options, std::move(lock));
    // The edit that the lock was waited for may have been killed.
    lock.reset();
    watch->settle(std::move(handle));
  }
}

File open_handle(os::File handle, const OpenOptions& options) {
  const std::shared_ptr<File::Impl> impl = make_impl(handle.path(), options);
  os::FileStatus status;
  (void)read_header_steadily(handle, nullptr, options, *impl, status);  // true without a watch
  return finish_open(impl, std::move(handle), status, options);
}

void refuse_lock(const OpenOptions& options, const std::string& name) {
  if (!options.lock) return;
  throw Error({.code = Code::invalid_argument,
               .reason = "a lock was asked for, and there is no path to take it by",
               .advice = "Open the file by its path, or take the lock with lock_shared().",
               .path = name});
}

}  // namespace

File open(const Path& path, const OpenOptions& options) {
  return base::raising(doing, [&] { return open_path(path.string(), options); });
}

Result<File> try_open(const Path& path, const OpenOptions& options) noexcept {
  return base::guarded(doing, [&] { return open_path(path.string(), options); });
}

File open_fd(int descriptor, const OpenOptions& options, const std::string& name) {
  return base::raising(doing, [&] {
    refuse_lock(options, name);
    return open_handle(os::File::duplicate(descriptor, name), options);
  });
}

File open_bytes(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                const OpenOptions& options) {
  return base::raising(doing, [&] {
    refuse_lock(options, {});
    auto impl = std::make_shared<File::Impl>();
    check_options(options, impl->path);
    const std::byte* base = bytes.data();
    if (owner == nullptr) {
      auto copy = std::make_shared<std::vector<std::byte>>(bytes.begin(), bytes.end());
      base = copy->data();
      owner = std::move(copy);
    }
    read_header(MemoryHeaderSource({base, bytes.size()}), bytes.size(), options, *impl);
    impl->access = Access::owned;
    impl->why = "Owned: the bytes were in memory already.";
    impl->block.open(hold::BlockRef(
        new hold::MemoryBlock(impl->catalog, base, std::move(owner), hold::MemoryUse::file_bytes)));
    return FileAccess::adopt(std::move(impl));
  });
}

}  // namespace v0
}  // namespace tensorhold
