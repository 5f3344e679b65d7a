#include "save/save_engine.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <exception>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "base/endian.hpp"
#include "hold/source/lost_bytes.hpp"
#include "os/fault/copy.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::io {
namespace {

constexpr std::uint64_t mebi = std::uint64_t{1} << 20;
/// Of two huge pages. Larger ones fill the queue of the device no better.
constexpr std::uint64_t largest_chunk = 4 * mebi;
constexpr std::uint64_t smallest_chunk = 1 * mebi;
constexpr std::uint64_t bounce_limit = 64 * mebi;  // memory that one save may take
constexpr unsigned threads_limit = 64;
/// Half of them are at the device while the others fill their buffers: devices may finish all that
/// they were given at once, and would then wait until buffers are full again.
constexpr unsigned direct_threads = 12;
/// Smaller files are in the page cache and synced before a second way would pay.
constexpr std::uint64_t smallest_direct_file = 16 * mebi;
constexpr std::uint64_t smallest_direct_write = 1 * mebi;
constexpr std::size_t parts_at_once = 512;

bool goes_direct(os::Output& output, std::uint64_t total, const SaveOptions& options) {
  // Without durability the page cache is the faster place; and bytes are only taken out of memory
  // that may be gone where that is no signal.
  return options.durable && total >= smallest_direct_file && os::copies_survive() &&
         output.open_direct();
}

unsigned choose_threads(bool direct, unsigned wanted) {
  // Filesystems take one buffered write to a file at a time.
  if (wanted == 0) return direct ? direct_threads : 1;
  return std::min(wanted, threads_limit);
}

/// So many threads at once have a buffer each.
std::size_t choose_chunk(unsigned threads) {
  return static_cast<std::size_t>(
      std::clamp(std::bit_floor(bounce_limit / threads), smallest_chunk, largest_chunk));
}

constexpr std::uint64_t align_down(std::uint64_t value) noexcept {
  return value & ~std::uint64_t{os::Output::direct_alignment - 1};
}

bool is_aligned(const std::byte* address) noexcept {
  return reinterpret_cast<std::uintptr_t>(address) % os::Output::direct_alignment == 0;
}

}  // namespace

/// One call of write(): its pieces, cut into chunks that threads take in turn.
class SaveEngine::Job {
 public:
  Job(SaveEngine& engine, std::span<const Piece> pieces)
      : engine_(engine),
        pieces_(pieces),
        begin_(pieces.front().at),
        end_(pieces.back().at + pieces.back().bytes.size()),
        direct_(engine.direct_ && end_ - begin_ >= smallest_direct_write) {}

  [[nodiscard]] std::uint64_t chunks() const noexcept {
    const std::uint64_t size = engine_.chunk_bytes_;
    return (end_ + size - 1) / size - begin_ / size;
  }

  /// Takes chunks until none is left, or something failed somewhere.
  void run(bool reports) noexcept {
    try {
      for (std::uint64_t chunk = 0; !failed_.load() && (chunk = next_++) < chunks();) {
        engine_.refuse_stopped();
        const std::uint64_t size = engine_.chunk_bytes_;
        const std::uint64_t first = (begin_ / size + chunk) * size;
        const std::uint64_t from = std::max(first, begin_);
        const std::uint64_t to = std::min(first + size, end_);
        write_chunk(from, to);
        engine_.done_ += to - from;
        if (reports) engine_.report();
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failed_.exchange(true)) error_ = std::current_exception();
    }
  }

  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  /// Calls `action(piece's part, its place)` for all that lies in [from, to).
  template <class Action>
  void for_parts(std::uint64_t from, std::uint64_t to, const Action& action) const {
    auto piece = std::ranges::partition_point(pieces_, [from](const Piece& candidate) {
      return candidate.at + candidate.bytes.size() <= from;
    });
    while (from < to) {
      const std::uint64_t end = std::min(to, piece->at + piece->bytes.size());
      if (end > from)
        action(Piece{.at = from,
                     .bytes = piece->bytes.subspan(static_cast<std::size_t>(from - piece->at),
                                                   static_cast<std::size_t>(end - from)),
                     .dtype = piece->dtype});
      from = std::max(from, end);
      ++piece;
    }
  }

  void write_chunk(std::uint64_t from, std::uint64_t to) {
    const std::uint64_t middle = align_down(from + os::Output::direct_alignment - 1);
    const std::uint64_t middle_end = align_down(to);
    if (direct_ && !engine_.direct_refused_.load() && middle < middle_end &&
        few_parts(middle, middle_end)) {
      write_buffered(from, middle);
      if (!write_direct(middle, middle_end)) write_buffered(middle, middle_end);
      write_buffered(middle_end, to);
    } else {
      write_buffered(from, to);
    }
  }

  /// Bytes are taken out of memory by a call of the system for each part.
  [[nodiscard]] bool few_parts(std::uint64_t from, std::uint64_t to) const {
    std::size_t parts = 0;
    for_parts(from, to, [&](const Piece&) { ++parts; });
    return parts <= parts_at_once;
  }

  [[nodiscard]] bool write_direct(std::uint64_t from, std::uint64_t to) {
    std::span<const std::byte> source = in_one_piece(from, to);
    std::optional<BouncePool::Lease> bounce;
    std::optional<Turnstile::Pass> pass;
    if (source.empty()) {
      bounce.emplace(engine_.pool_);
      const std::span<std::byte> room = bounce->bytes().first(static_cast<std::size_t>(to - from));
      for_parts(from, to, [&](const Piece& part) {
        copy_part(part, room.subspan(static_cast<std::size_t>(part.at - from), part.bytes.size()));
      });
      source = room;
      pass.emplace(engine_.device_);
    }
    if (engine_.output_.write_direct(from, source)) return true;
    engine_.direct_refused_.store(true);
    return false;
  }

  /// The memory of [from, to) when it can go to the device from where it is; else empty.
  [[nodiscard]] std::span<const std::byte> in_one_piece(std::uint64_t from,
                                                        std::uint64_t to) const {
    std::span<const std::byte> found;
    for_parts(from, to, [&](const Piece& part) {
      if (part.at == from && part.bytes.size() == to - from && base::same_order(part.dtype) &&
          is_aligned(part.bytes.data()))
        found = part.bytes;
    });
    return found;
  }

  void copy_part(const Piece& part, std::span<std::byte> to) const {
    const std::size_t copied = hold::take(part.bytes.data(), to);
    if (copied != to.size())
      throw Error({.code = Code::truncated,
                   .reason = "the memory that should be written here cannot be read: the file "
                             "that it is mapped from became shorter",
                   .advice = "Load the tensors again from a whole file, then save.",
                   .path = engine_.path_,
                   .offset = part.at + copied});
    if (!base::same_order(part.dtype)) base::swap_elements(part.dtype, to);
  }

  void write_buffered(std::uint64_t from, std::uint64_t to) {
    std::array<std::span<const std::byte>, parts_at_once> parts;
    std::size_t count = 0;
    std::uint64_t at = from;  // of the first of the parts
    const auto flush = [&](std::uint64_t next) {
      if (count != 0) write_parts(at, std::span(parts).first(count));
      count = 0;
      at = next;
    };
    for_parts(from, to, [&](const Piece& part) {
      if (base::same_order(part.dtype)) {
        parts[count++] = part.bytes;
        if (count == parts.size()) flush(part.at + part.bytes.size());
        return;
      }
      flush(part.at);
      const BouncePool::Lease bounce(engine_.pool_);
      const std::span<std::byte> room = bounce.bytes().first(part.bytes.size());
      copy_part(part, room);
      parts[count++] = room;
      flush(part.at + part.bytes.size());
    });
    flush(to);
  }

  /// What the system cannot take from where it is may still be in the file that it is mapped from.
  void write_parts(std::uint64_t at, std::span<const std::span<const std::byte>> parts) {
    try {
      return engine_.output_.write_at(at, parts);
    } catch (const Error& error) {
      if (error.code() != Code::truncated) throw;
    }
    for (const std::span<const std::byte> part : parts) {
      const BouncePool::Lease bounce(engine_.pool_);
      const std::span<std::byte> room = bounce.bytes().first(part.size());
      copy_part({.at = at, .bytes = part}, room);
      const std::span<const std::byte> copied = room;
      engine_.output_.write_at(at, {&copied, 1});
      at += part.size();
    }
  }

  SaveEngine& engine_;
  const std::span<const Piece> pieces_;
  const std::uint64_t begin_;
  const std::uint64_t end_;
  const bool direct_;
  std::atomic<std::uint64_t> next_ = 0;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;  // guards error_
  std::exception_ptr error_;
};

SaveEngine::SaveEngine(os::Output& output, std::uint64_t total, const SaveOptions& options)
    : output_(output),
      total_(total),
      stop_(options.stop),
      path_(output.path()),
      direct_(goes_direct(output, total, options)),
      threads_(choose_threads(direct_, options.threads)),
      chunk_bytes_(choose_chunk(threads_)),
      pool_(threads_, chunk_bytes_),
      device_(std::max(1U, threads_ / 2)),
      progress_(options.progress) {}

void SaveEngine::refuse_stopped() const {
  if (!stop_.stop_requested()) return;
  throw Error({.code = Code::cancelled,
               .reason = "the save was cancelled; what stands at the path is as it was",
               .path = path_});
}

void SaveEngine::report() {
  // From within progress, which may write itself: the caller of that reports.
  if (!progress_ || reporter_.load() == std::this_thread::get_id()) return;
  const std::lock_guard lock(progress_mutex_);
  struct Reporting {
    std::atomic<std::thread::id>& who;
    ~Reporting() { who.store({}); }
  } const reporting{reporter_};
  reporter_.store(std::this_thread::get_id());
  // A range that failed and is written again counts once.
  progress_(std::min(done_.load(), total_), total_);
}

void SaveEngine::write(std::span<const Piece> pieces) {
  refuse_stopped();
  if (pieces.empty()) return;
  Job job(*this, pieces);
  if (job.chunks() == 0) return;
  const unsigned busy = ++busy_;
  const std::uint64_t room = threads_ > busy ? threads_ - busy : 0;
  std::vector<std::thread> helpers;
  try {
    for (std::uint64_t i = std::min(room, job.chunks() - 1); i > 0; --i)
      helpers.emplace_back([&job] { job.run(/*reports=*/false); });
  } catch (const std::exception&) {
    // No more threads to be had: those that there are do all of it.
  }
  job.run(/*reports=*/true);
  for (std::thread& helper : helpers) helper.join();
  --busy_;
  job.rethrow();
  if (!helpers.empty()) report();
  refuse_stopped();  // asked for when the last chunks were under way already
}

}  // namespace tensorhold::io
