#include "load/reading.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "base/boundary.hpp"
#include "base/checked.hpp"
#include "base/endian.hpp"
#include "hold/source/mapped_block.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::io {
namespace {

// Bytes that nobody wants are read a little at a time, into memory that the processor has at hand.
constexpr std::size_t scratch_bytes = std::size_t{256} << 10;

Error cancelled_error(const std::string& path) {
  return Error({.code = Code::cancelled,
                .reason = "the reading was stopped by its stop token",
                .path = path});
}

/// One tensor's bytes, for gather().
class TensorBytes final : public tensor::Bytes {
 public:
  TensorBytes(const ByteSource& source, std::uint64_t offset) : source_(source), offset_(offset) {}
  void read(std::uint64_t from, std::span<std::byte> out) override {
    source_.read_at(offset_ + from, std::span<const std::span<std::byte>>(&out, 1));
  }
  [[nodiscard]] const std::byte* in_memory() noexcept override {
    return source_.memory == nullptr ? nullptr : source_.memory + offset_;
  }

 private:
  const ByteSource& source_;
  std::uint64_t offset_;
};

}  // namespace

void ByteSource::read_at(std::uint64_t offset, std::span<const std::span<std::byte>> pieces) const {
  if (mapping == nullptr) return read_file(offset, pieces);
  read_as_mapped(offset, pieces, [&] { read_file(offset, pieces); });
}

void ByteSource::read_in_place(std::uint64_t offset, std::span<std::byte> to) const {
  const std::span<const std::span<std::byte>> pieces(&to, 1);
  const auto read = [&] {
    if (!direct->read_in_place(offset, to)) read_file(offset, pieces);
  };
  if (mapping == nullptr) return read();
  read_as_mapped(offset, pieces, read);
}

// On overlayfs a file that is written to becomes another one, which handles read from then on,
// while mappings stay with the first. Its status changes before its bytes do: what was read before
// the status was found unchanged is what the mapping shows.
template <class Read>
void ByteSource::read_as_mapped(std::uint64_t offset, std::span<const std::span<std::byte>> pieces,
                                const Read& read) const {
  const auto unchanged = [&] { return file->status() == mapping->source().status(); };
  if (unchanged()) {
    try {
      read();
    } catch (const Error&) {
      if (unchanged()) throw;
    }
    if (unchanged()) return;
  }
  for (const auto& piece : pieces) {
    mapping->read_at(offset, piece);
    offset += piece.size();
  }
}

void ByteSource::read_file(std::uint64_t offset,
                           std::span<const std::span<std::byte>> pieces) const {
  if (direct && direct->read_at(offset, pieces)) return;
  if (file) return file->read_at(offset, pieces);
  for (const auto& piece : pieces) {
    if (!piece.empty()) std::memcpy(piece.data(), memory + offset, piece.size());
    offset += piece.size();
  }
}

Reading::Reading(std::shared_ptr<const tensor::PartCatalog> wanted, ByteSource source,
                 const ReadingOptions& options)
    : wanted_(std::move(wanted)),
      source_(std::move(source)),
      options_(options),
      units_(make_units(*wanted_, options.unit_bytes)),
      left_(std::make_unique<std::atomic<std::uint32_t>[]>(wanted_->size())) {
  for (std::size_t i = 0; i < wanted_->size(); ++i) {
    left_[i].store(units_.pieces[i], std::memory_order_relaxed);
    if (units_.pieces[i] == 0 && options_.streams) complete_.push_back(i);
  }
  if (options_.into == Into::memory) memory_.resize(wanted_->size());
  // Mapping memory waits for those who touch what is mapped, and they for it: not at the same time.
  if (!options_.streams)
    for (const Unit& unit : units_.list) begin(unit);
  if (source_.file && units_.scattered()) source_.file->expect(os::Reads::scattered);
}

Reading::~Reading() {
  if (source_.file && units_.scattered()) source_.file->expect(os::Reads::any);
}

bool Reading::step() noexcept {
  const Unit* unit = nullptr;
  try {
    unit = claim();
    if (unit == nullptr) return false;
    read(*unit);
    complete(*unit);
    return true;
  } catch (...) {
    std::exception_ptr failure = std::current_exception();
    if (unit != nullptr) failure = named(failure, *unit);
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(failure);
    fail();
    return false;
  }
}

void Reading::cancel() noexcept {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  fail();
}

void Reading::fail() noexcept {
  room_.notify_all();
  ready_.notify_all();
}

const Unit* Reading::claim() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (failure_ || cancelled_ || next_unit_ == units_.list.size()) return nullptr;
    if (options_.stop.stop_requested()) throw cancelled_error(source_.path);
    const Unit& unit = units_.list[next_unit_];
    if (has_room(unit)) {
      if (options_.streams) begin(unit);
      ++next_unit_;
      return &unit;
    }
    room_.wait(lock);
  }
}

bool Reading::has_room(const Unit& unit) const noexcept {
  if (!options_.streams || !unit.begins || ahead_ == 0) return true;
  std::uint64_t more = 0;
  for (std::uint32_t i = 0; i < unit.count; ++i)
    more += wanted_->nbytes(units_.order[unit.first + i]);
  return ahead_ <= options_.most_ahead && more <= options_.most_ahead - ahead_;
}

/// With mutex_ held, once there are others.
void Reading::begin(const Unit& unit) {
  if (!unit.begins) return;
  for (std::uint32_t i = 0; i < unit.count; ++i) {
    const std::uint32_t index = units_.order[unit.first + i];
    const std::uint64_t nbytes = wanted_->nbytes(index);
    if (options_.into == Into::memory) {
      const auto size = base::checked_size(nbytes);
      if (!size) throw std::bad_alloc();
      memory_[index] = hold::allocate_owned(*size, place_in_page(wanted_->offset(index), nbytes));
    }
    ahead_ += nbytes;
  }
}

// No lock: what is begun stays where it is until the thread that completes it says so.
std::span<std::byte> Reading::destination(std::size_t index) const noexcept {
  if (options_.into == Into::destinations) return options_.destinations[index];
  return {memory_[index].get(), static_cast<std::size_t>(wanted_->nbytes(index))};
}

void Reading::read(const Unit& unit) const {
  if (options_.into == Into::nowhere) return read_nowhere(unit);
  switch (unit.kind) {
    case Unit::Kind::group:
      return read_group(unit);
    case Unit::Kind::piece:
      return read_piece(unit);
    case Unit::Kind::rows:
      return read_rows(unit);
  }
}

void Reading::read_group(const Unit& unit) const {
  std::vector<std::span<std::byte>> pieces;
  pieces.reserve(std::size_t{unit.count} * 2);
  std::unique_ptr<std::byte[]> unwanted;
  const std::uint64_t begin = wanted_->offset(units_.order[unit.first]);
  std::uint64_t end = begin;
  for (std::uint32_t i = 0; i < unit.count; ++i) {
    const std::uint32_t index = units_.order[unit.first + i];
    const std::uint64_t gap = wanted_->offset(index) - end;
    if (gap != 0 && !unwanted) unwanted = std::make_unique_for_overwrite<std::byte[]>(longest_gap);
    if (gap != 0) pieces.emplace_back(unwanted.get(), static_cast<std::size_t>(gap));
    const std::span<std::byte> to = destination(index);
    // Tensors of a multiple of 64 bytes lie in memory as they do in the file.
    if (!pieces.empty() && pieces.back().data() + pieces.back().size() == to.data())
      pieces.back() = {pieces.back().data(), pieces.back().size() + to.size()};
    else
      pieces.push_back(to);
    end += gap + to.size();
  }
  source_.read_at(begin, pieces);
}

void Reading::read_piece(const Unit& unit) const {
  const std::uint32_t index = units_.order[unit.first];
  const std::span<std::byte> to = destination(index).subspan(static_cast<std::size_t>(unit.from),
                                                             static_cast<std::size_t>(unit.nbytes));
  const std::uint64_t from = wanted_->offset(index) + unit.from;
  if (source_.direct && owns_pages(unit)) return source_.read_in_place(from, to);
  source_.read_at(from, std::span<const std::span<std::byte>>(&to, 1));
}

/// Whether a piece has its pages for itself, and lies in them as in the file.
bool Reading::owns_pages(const Unit& unit) const noexcept {
  const std::uint32_t index = units_.order[unit.first];
  const std::uint64_t offset = wanted_->offset(index);
  const std::uint64_t nbytes = wanted_->nbytes(index);
  const auto whole = [&](std::uint64_t at) { return (offset + at) % hold::owned_page == 0; };
  return options_.into == Into::memory && nbytes >= hold::own_mapping_bytes &&
         place_in_page(offset, nbytes) == offset % hold::owned_page &&
         (unit.from == 0 || whole(unit.from)) && (unit.to == nbytes || whole(unit.to));
}

void Reading::read_rows(const Unit& unit) const {
  const std::uint32_t index = units_.order[unit.first];
  const tensor::Selection& part = *wanted_->runs(index);
  std::vector<std::uint64_t> counts = part.counts;
  const std::uint64_t turn_bytes = part.nbytes / counts.front();
  counts.front() = unit.to - unit.from;
  TensorBytes bytes(source_, wanted_->offset(index) - part.offset);
  tensor::gather(bytes,
                 {.offset = part.offset + unit.from * part.strides.front(),
                  .run_bytes = part.run_bytes,
                  .counts = counts,
                  .strides = part.strides},
                 destination(index).subspan(static_cast<std::size_t>(unit.from * turn_bytes),
                                            static_cast<std::size_t>(unit.nbytes)));
}

void Reading::read_nowhere(const Unit& unit) const {
  const std::uint32_t last = units_.order[unit.first + unit.count - 1];
  std::uint64_t at = wanted_->offset(units_.order[unit.first]) + unit.from;
  const std::uint64_t end = unit.kind == Unit::Kind::group
                                ? wanted_->offset(last) + wanted_->nbytes(last)
                                : at + unit.nbytes;
  const auto scratch = std::make_unique_for_overwrite<std::byte[]>(scratch_bytes);
  while (at < end) {
    const std::span<std::byte> some(
        scratch.get(), static_cast<std::size_t>(std::min<std::uint64_t>(end - at, scratch_bytes)));
    source_.read_at(at, std::span<const std::span<std::byte>>(&some, 1));
    at += some.size();
  }
}

void Reading::complete(const Unit& unit) {
  done_bytes_.fetch_add(unit.nbytes, std::memory_order_relaxed);
  for (std::uint32_t i = 0; i < unit.count; ++i) {
    const std::uint32_t index = units_.order[unit.first + i];
    if (left_[index].fetch_sub(1, std::memory_order_acq_rel) != 1) continue;
    const Dtype dtype = wanted_->dtype(index);
    if (options_.into != Into::nowhere && options_.swaps && !base::same_order(dtype))
      base::swap_elements(dtype, destination(index));
    if (!options_.streams) continue;
    const std::lock_guard lock(mutex_);
    complete_.push_back(index);
    ready_.notify_one();
  }
}

std::exception_ptr Reading::named(std::exception_ptr failure, const Unit& unit) const {
  try {
    std::rethrow_exception(std::move(failure));
  } catch (const Error& error) {
    ErrorInfo info = error.info();
    if (!info.tensor.empty() || info.code == Code::cancelled) return std::current_exception();
    // The first that ends behind the byte that could not be read.
    std::uint32_t at = unit.first;
    const auto end = [&](std::uint32_t i) {
      return wanted_->offset(units_.order[i]) + wanted_->nbytes(units_.order[i]);
    };
    while (info.offset && at + 1 < unit.first + unit.count && end(at) <= *info.offset) ++at;
    info.tensor = std::string(wanted_->name(units_.order[at]));
    return std::make_exception_ptr(Error(std::move(info)));
  } catch (...) {
    return std::current_exception();
  }
}

void Reading::check() const {
  if (!failure_) return;
  base::raising("reading tensors", [&] { std::rethrow_exception(failure_); });
}

hold::OwnedMemory Reading::take(std::size_t index) noexcept { return std::move(memory_[index]); }

std::optional<std::size_t> Reading::next(bool help) {
  for (;;) {
    if (options_.stop.stop_requested()) {
      cancel();
      throw cancelled_error(source_.path);
    }
    {
      std::unique_lock lock(mutex_);
      if (!help)
        ready_.wait(lock,
                    [&] { return !complete_.empty() || failure_ || given_ == wanted_->size(); });
      if (!complete_.empty()) {
        const std::size_t index = complete_.front();
        complete_.pop_front();
        ++given_;
        ahead_ -= wanted_->nbytes(index);
        room_.notify_all();
        return index;
      }
      check();
      if (given_ == wanted_->size()) return std::nullopt;
    }
    (void)step();
  }
}

}  // namespace tensorhold::io
