#include "tensorhold/writer.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/boundary.hpp"
#include "base/checked.hpp"
#include "base/endian.hpp"
#include "format/parse/header_builder.hpp"
#include "format/write/layout.hpp"
#include "hold/source/lost_bytes.hpp"
#include "os/process/fork_mutex.hpp"
#include "save/new_file.hpp"
#include "save/save_layout.hpp"
#include "save/written_ranges.hpp"

namespace tensorhold {
inline namespace v0 {

/// Shared by the threads that write. Immutable but for the count, and what `mutex` guards.
struct Writer::Impl {
  struct Entry {
    std::string name;
    Dtype dtype = Dtype::u8;
    std::uint64_t at = 0;  // in the file
    std::uint64_t nbytes = 0;
    io::WrittenRanges ranges;  // guarded by mutex
  };

  Impl(const std::string& path, std::span<const TensorLayout> tensors,
       const std::optional<Metadata>& metadata, const SaveOptions& options);

  void write(Entry& entry, std::uint64_t offset, std::span<const std::byte> bytes);
  [[nodiscard]] Entry& find(std::string_view name);
  void refuse_closed() const;
  void commit();
  void end() noexcept;

  std::string path;
  std::vector<Entry> entries;  // in the order of the file
  std::unordered_map<std::string_view, Entry*> by_name;
  std::uint64_t total = 0;
  std::atomic<std::uint64_t> written = 0;

  mutable os::ForkMutex mutex;  // guards what follows, and the entries' ranges
  bool open = true;
  std::shared_ptr<io::NewFile> file;  // kept by each write that is under way
};

namespace {

constexpr const char* doing = "writing tensors";

std::uint64_t bytes_of(const TensorLayout& tensor) {
  // What has no whole number of bytes is refused by the layout, with the reason.
  return format::bits_needed(tensor.dtype, tensor.shape).value_or(0) / 8;
}

[[noreturn]] void refuse(Code code, std::string reason, std::string advice, const std::string& path,
                         std::string_view tensor) {
  throw Error({.code = code,
               .reason = std::move(reason),
               .advice = std::move(advice),
               .path = path,
               .tensor = std::string(tensor)});
}

}  // namespace

Writer::Impl::Impl(const std::string& path, std::span<const TensorLayout> tensors,
                   const std::optional<Metadata>& metadata, const SaveOptions& options)
    : path(path) {
  std::vector<format::TensorSpec> specs;
  specs.reserve(tensors.size());
  for (const TensorLayout& tensor : tensors)
    specs.push_back({.name = tensor.name,
                     .dtype = tensor.dtype,
                     .shape = tensor.shape,
                     .nbytes = bytes_of(tensor)});
  const format::Layout layout = format::make_layout(
      specs, metadata ? &*metadata : nullptr,
      {.align = options.align, .reserve_header = options.reserve_header, .path = path});
  total = layout.data_bytes;
  entries.resize(layout.order.size());
  by_name.reserve(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const format::Placed& placed = layout.order[i];
    Entry& entry = entries[i];
    entry.name = tensors[placed.index].name;
    entry.dtype = tensors[placed.index].dtype;
    entry.at = layout.prefix.size() + placed.begin;
    entry.nbytes = placed.nbytes;
    by_name.emplace(entry.name, &entry);
  }
  file = std::make_shared<io::NewFile>(path, io::file_bytes(layout, path), options);
  file->write(std::array{io::Piece{.at = 0, .bytes = std::as_bytes(std::span(layout.prefix))}});
}

void Writer::Impl::refuse_closed() const {
  if (open) return;
  throw Error({.code = Code::closed,
               .reason = "the writer was committed or abandoned",
               .advice = "Make a new one.",
               .path = path});
}

Writer::Impl::Entry& Writer::Impl::find(std::string_view name) {
  const auto found = by_name.find(name);
  if (found == by_name.end())
    refuse(Code::tensor_not_found, "no tensor of that name was declared",
           "Declare all tensors when the writer is made.", path, name);
  return *found->second;
}

void Writer::Impl::write(Entry& entry, std::uint64_t offset, std::span<const std::byte> bytes) {
  const auto end = base::checked_add(offset, bytes.size());
  if (!end || *end > entry.nbytes)
    refuse(Code::invalid_slice,
           std::to_string(bytes.size()) + " bytes from byte " + std::to_string(offset) +
               " are not inside the tensor's " + std::to_string(entry.nbytes),
           "Check the offset and the dtype.", path, entry.name);
  // Bytes are reversed element by element there.
  const std::uint64_t unit = base::same_order(entry.dtype) ? 1 : bits_of(entry.dtype) / 8;
  if (offset % unit != 0 || *end % unit != 0)
    refuse(Code::invalid_slice, "the range does not begin and end with an element",
           "Write whole elements.", path, entry.name);
  std::shared_ptr<io::NewFile> target;
  {
    const std::lock_guard lock(mutex);
    refuse_closed();
    if (bytes.empty()) return;
    target = file;
    if (!entry.ranges.take(offset, *end))
      refuse(Code::already_written,
             "some of the bytes from " + std::to_string(offset) + " to " + std::to_string(*end) +
                 " were written before, or are being written",
             "Write every byte once.", path, entry.name);
  }
  const auto finish = [&](bool done) {
    const std::lock_guard lock(mutex);
    if (done)
      entry.ranges.finish(offset);
    else
      entry.ranges.give_back(offset);
  };
  try {
    target->write(
        std::array{io::Piece{.at = entry.at + offset, .bytes = bytes, .dtype = entry.dtype}});
    hold::LostBytes().refuse(bytes, path, entry.name);
  } catch (const Error& error) {
    finish(false);
    ErrorInfo info = error.info();
    info.tensor = entry.name;
    throw Error(std::move(info));
  } catch (...) {
    finish(false);
    throw;
  }
  finish(true);
  written += bytes.size();
}

void Writer::Impl::commit() {
  {
    const std::lock_guard lock(mutex);
    refuse_closed();
    std::size_t missing = 0;
    const Entry* first = nullptr;
    for (const Entry& entry : entries) {
      if (entry.ranges.finished() == entry.nbytes) continue;
      if (first == nullptr) first = &entry;
      ++missing;
    }
    if (first != nullptr)
      refuse(Code::incomplete,
             std::to_string(first->nbytes - first->ranges.finished()) + " of its " +
                 std::to_string(first->nbytes) + " bytes were not written" +
                 (missing > 1 ? ", and " + std::to_string(missing - 1) + " more tensors miss bytes"
                              : std::string()),
             "Write all of every tensor, then commit; the list of missing ones names them.", path,
             first->name);
    open = false;  // all is written: whoever still comes is too late
  }
  try {
    file->put_in_place();  // nobody else is in a write: every range is finished
  } catch (const Error& error) {
    const bool lost = file->is_lost();
    std::shared_ptr<io::NewFile> last;  // removed after the lock
    {
      const std::lock_guard lock(mutex);
      open = !lost && error.code() != Code::not_durable;
      if (!open) last = std::move(file);
    }
    if (!lost) throw;
    ErrorInfo info = error.info();
    info.reason += "; what was written may be lost, and the writer has ended";
    info.advice =
        "Make a new one when the cause is gone, and write all of it again. " + info.advice;
    throw Error(std::move(info));
  } catch (...) {  // from progress, or for want of memory
    const std::lock_guard lock(mutex);
    open = true;
    throw;
  }
  std::shared_ptr<io::NewFile> last;
  const std::lock_guard lock(mutex);
  last = std::move(file);
}

void Writer::Impl::end() noexcept {
  std::shared_ptr<io::NewFile> last;  // removed after the lock, unless a write is under way
  const std::lock_guard lock(mutex);
  open = false;
  last = std::move(file);
}

Writer::Writer(const Path& path, std::span<const TensorLayout> tensors,
               const std::optional<Metadata>& metadata, const SaveOptions& options)
    : impl_(base::raising(doing, [&] {
        return std::make_unique<Impl>(path.string(), tensors, metadata, options);
      })) {}

Writer::Writer(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Writer::Writer(Writer&& other) noexcept = default;
Writer& Writer::operator=(Writer&& other) noexcept = default;
Writer::~Writer() = default;

Result<Writer> Writer::try_create(const Path& path, std::span<const TensorLayout> tensors,
                                  const std::optional<Metadata>& metadata,
                                  const SaveOptions& options) noexcept {
  return base::guarded(doing, [&] { return Writer(path, tensors, metadata, options); });
}

void Writer::write(std::string_view name, std::span<const std::byte> bytes) {
  base::raising(doing, [&] {
    Impl::Entry& entry = impl_->find(name);
    if (bytes.size() != entry.nbytes)
      refuse(Code::size_differs,
             "the tensor has " + std::to_string(entry.nbytes) + " bytes, " +
                 std::to_string(bytes.size()) + " were given",
             "Give all of it, or use write_at() for a part.", impl_->path, name);
    impl_->write(entry, 0, bytes);
  });
}

void Writer::write_at(std::string_view name, std::uint64_t offset,
                      std::span<const std::byte> bytes) {
  base::raising(doing, [&] { impl_->write(impl_->find(name), offset, bytes); });
}

Result<void> Writer::try_write(std::string_view name, std::span<const std::byte> bytes) noexcept {
  return base::guarded(doing, [&] { write(name, bytes); });
}

Result<void> Writer::try_write_at(std::string_view name, std::uint64_t offset,
                                  std::span<const std::byte> bytes) noexcept {
  return base::guarded(doing, [&] { write_at(name, offset, bytes); });
}

void Writer::commit() {
  base::raising(doing, [&] { impl_->commit(); });
}

Result<void> Writer::try_commit() noexcept {
  return base::guarded(doing, [&] { commit(); });
}

void Writer::abandon() noexcept {
  if (impl_) impl_->end();
}

std::uint64_t Writer::nbytes() const noexcept { return impl_->total; }
std::uint64_t Writer::written() const noexcept { return impl_->written.load(); }

std::vector<std::string> Writer::missing() const {
  return base::raising(doing, [&] {
    std::vector<std::string> names;
    const std::lock_guard lock(impl_->mutex);
    for (const Impl::Entry& entry : impl_->entries)
      if (entry.ranges.finished() != entry.nbytes) names.push_back(entry.name);
    return names;
  });
}

bool Writer::is_open() const noexcept {
  const std::lock_guard lock(impl_->mutex);
  return impl_->open;
}

}  // namespace v0
}  // namespace tensorhold
