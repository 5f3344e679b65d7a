// What a worker reads, in every way that the library has.
#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "worker/worker.hpp"

namespace tensorhold::soak {
namespace {

/// Files above this are streamed, and looked at in parts: several workers share the memory.
constexpr std::uint64_t large = std::uint64_t{24} << 20;
constexpr std::size_t most_kept = 12;
constexpr std::uint64_t stream_budget = std::uint64_t{8} << 20;

}  // namespace

std::optional<File> Worker::open_to_read(const Spec& spec, Look& look, bool with_lock) {
  constexpr std::array ways{Access::automatic, Access::mapped, Access::mapped, Access::owned};
  OpenOptions options{.access = ways.at(random_.below(ways.size()))};
  options.guard = random_.one_in(8);
  options.lock = with_lock;
  options.lock_timeout = std::chrono::milliseconds(random_.below(3) * 20);
  options.label = "soak";
  Ledger* const ledger = ledger_of(spec);
  const bool must_be_next = ledger != nullptr && ledger->doubt.load() == Ledger::Doubt::next;
  const std::uint64_t since = now();
  std::optional<File> file;
  const Outcome outcome = attempt(with_lock ? Op::open_locked : Op::open, spec, [&] {
    const bool there =
        ledger == nullptr || (must_be_next ? ledger->next() : ledger->state()).exists;
    auto opened = try_open(spec.path, options);
    if (!there) {
      if (opened || opened.error().code() != Code::not_found)
        throw Wrong("a file stands where the last one was removed");
      return;
    }
    if (!opened) raise(opened.error());
    if (must_be_next) ledger->commit();
    look = look_at(opened.value(), spec, known(spec), since);
    look.torn = look.torn && !with_lock;
    file = std::move(opened).value();
  });
  if (outcome == Outcome::found && ledger != nullptr && !in_child_) {
    const Size size = any_size();
    make(spec, fresh_state(new_stamp(size)), *ledger);
  }
  return file;
}

void Worker::check_tensor(const Tensor& tensor, const Look& look, std::size_t index) {
  if (place_.failing() && tensor.mapped()) {
    buffer_.resize(static_cast<std::size_t>(tensor.nbytes()));
    tensor.copy_to(buffer_);
    check_bytes(board_, look, index, buffer_);
  } else {
    check_bytes(board_, look, index, tensor.bytes());
  }
}

void Worker::read_all(const File& file, const Look& look) {
  (void)attempt(
      Op::read, look.spec,
      [&] {
        if (random_.one_in(4) && file.file_bytes() < large) file.load();
        for (const std::string_view name : file.keys()) {
          const Tensor tensor = file[name];
          check_tensor(tensor, look, index_of(look, name));
        }
      },
      look.opened_at);
}

void Worker::read_copies(const File& file, const Look& look) {
  (void)attempt(
      Op::copy, look.spec,
      [&] {
        const std::size_t index = random_.below(file.size());
        const Tensor tensor = file.at(index);
        const std::size_t which = index_of(look, tensor.name());
        if (random_.one_in(2)) {
          const Tensor copy = tensor.copy();
          check_bytes(board_, look, which, copy.bytes());
        } else {
          std::vector<std::byte> bytes(static_cast<std::size_t>(tensor.nbytes()), std::byte{0xa5});
          tensor.copy_to(bytes);
          check_bytes(board_, look, which, bytes);
        }
      },
      look.opened_at);
}

void Worker::read_slices(const File& file, const Look& look) {
  (void)attempt(
      Op::slice, look.spec,
      [&] {
        const Tensor tensor = file.at(random_.below(file.size()));
        if (tensor.shape().size() != 2) return;
        const std::size_t index = index_of(look, tensor.name());
        const std::uint64_t item = bits_of(tensor.dtype()) / 8;
        const std::uint64_t rows = tensor.shape()[0];
        const std::uint64_t columns = tensor.shape()[1];
        const std::uint64_t first = random_.below(rows);
        const std::uint64_t last = std::min(rows, first + 1 + random_.below(200));
        const Index range(static_cast<std::int64_t>(first), static_cast<std::int64_t>(last));
        // Of steady files whole rows, which are whole units.
        const std::uint64_t from =
            look.spec.family.kind == Kind::steady ? 0 : random_.below(columns);
        const std::uint64_t step = from == 0 ? 1 : 1 + random_.below(3);
        const Tensor part = tensor
                                .slice({range, Index(static_cast<std::int64_t>(from), none,
                                                     static_cast<std::int64_t>(step))})
                                .copy();
        const std::span<const std::byte> bytes = part.bytes();
        if (from == 0 && step == 1) {
          check_bytes(board_, look, index, bytes, first * columns * item);
          return;
        }
        std::size_t at = 0;
        for (std::uint64_t row = first; row < last; ++row)
          for (std::uint64_t column = from; column < columns; column += step, at += item)
            check_bytes(board_, look, index, bytes.subspan(at, item),
                        (row * columns + column) * item);
        if (at != bytes.size()) throw Wrong("the slice has another size");
      },
      look.opened_at);
}

void Worker::read_load(const File& file, const Look& look) {
  if (file.file_bytes() > large) return read_stream(file, look);
  (void)attempt(
      Op::load, look.spec,
      [&] {
        Plan plan(file);
        plan.add_all();
        LoadOptions options{.threads = static_cast<unsigned>(random_.below(4))};
        if (random_.one_in(3)) {
          std::vector<std::vector<std::byte>> memory;
          std::vector<std::span<std::byte>> spans;
          for (std::size_t i = 0; i < plan.size(); ++i)
            memory.emplace_back(static_cast<std::size_t>(plan.nbytes(i)), std::byte{0x5a});
          for (auto& one : memory) spans.emplace_back(one);
          plan.load_into(spans, options);
          for (std::size_t i = 0; i < memory.size(); ++i)
            check_bytes(board_, look, index_of(look, file.info(i).name), memory[i]);
          return;
        }
        const std::vector<Tensor> tensors = plan.load(options);
        for (const Tensor& tensor : tensors)
          check_bytes(board_, look, index_of(look, tensor.name()), tensor.bytes());
      },
      look.opened_at);
}

void Worker::read_stream(const File& file, const Look& look) {
  (void)attempt(
      Op::stream, look.spec,
      [&] {
        Plan plan(file);
        plan.add_all();
        TensorStream stream = plan.stream({.threads = static_cast<unsigned>(1 + random_.below(3)),
                                           .memory_budget = stream_budget});
        const std::size_t end = random_.one_in(5) ? random_.below(plan.size() + 1) : plan.size();
        std::size_t count = 0;
        for (; count < end; ++count) {
          const auto item = stream.next();
          if (!item) throw Wrong("the stream ended early");
          check_bytes(board_, look, index_of(look, item->tensor.name()), item->tensor.bytes());
        }
        if (count == plan.size() && stream.next()) throw Wrong("the stream has one too many");
      },
      look.opened_at);
}

void Worker::write_view(const File& file, const Look& look) {
  // A page that cannot be read would end the process, as everywhere.
  if (place_.failing()) return;
  (void)attempt(
      Op::writable, look.spec,
      [&] {
        const Tensor view = file.writable(file.info(random_.below(file.size())).name);
        const std::span<std::byte> bytes = view.writable_bytes();
        const Spot spot{look.spec.family, index_of(look, view.name())};
        const Stamp mine = new_stamp(Size::tiny);
        fill(bytes, spot, mine);
        if (random_.one_in(2)) (void)file.release();
        if (const auto wrong = compare(bytes, spot, mine))
          throw Wrong("in a writable view: " + *wrong);
        board_.bytes += bytes.size();
      },
      look.opened_at);
}

void Worker::close_file(const File& file, const Look& look) {
  (void)attempt(
      Op::close, look.spec,
      [&] {
        file.close();
        if (!file.closed()) throw Wrong("a File that was closed says that it is not");
        const auto after = file.try_get(file.info(0).name);
        if (after) throw Wrong("a File that was closed gives a tensor");
        const Code code = after.error().code();
        const bool released = code == Code::released && look.spec.family.kind != Kind::own;
        if (code != Code::closed && !released) raise(after.error());
        if (!parse_metadata(look.spec.family, file)) throw Wrong("the metadata of a closed File");
      },
      look.opened_at);
}

void Worker::check_state(const File& file, const Look& look) {
  (void)attempt(
      Op::check, look.spec,
      [&] {
        const FileState state = file.check();
        const bool bad = state == FileState::truncated || state == FileState::damaged ||
                         (look.exact && state != FileState::unchanged);
        if (bad && !place_.failing())
          throw Wrong("check() says " + std::to_string(static_cast<int>(state)));
      },
      look.opened_at);
}

void Worker::keep(const File& file, const Look& look) {
  if (file.file_bytes() > large) return;
  (void)attempt(
      Op::read, look.spec,
      [&] {
        const Tensor tensor = file.at(random_.below(file.size()));
        Kept kept{.tensor = tensor, .look = look, .index = index_of(look, tensor.name())};
        // The lock may end before this tensor does.
        kept.look.torn = look.spec.family.kind == Kind::steady;
        kept_.push_back(std::move(kept));
      },
      look.opened_at);
  if (kept_.size() > most_kept)
    kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(random_.below(kept_.size())));
}

void Worker::check_kept() {
  for (const Kept& kept : kept_)
    (void)attempt(
        Op::read, kept.look.spec, [&] { check_tensor(kept.tensor, kept.look, kept.index); },
        kept.look.opened_at);
}

void Worker::read_step() {
  Look look;
  const Spec spec = any_file();
  const bool with_lock = random_.one_in(4);
  const std::optional<File> file = open_to_read(spec, look, with_lock);
  if (!file) return;
  const std::uint64_t turns = 1 + random_.below(3);
  if (look.exact && random_.one_in(2)) check_state(*file, look);
  for (std::uint64_t i = 0; i < turns; ++i) {
    switch (random_.below(9)) {
      case 0:
      case 1:
        read_all(*file, look);
        break;
      case 2:
      case 3:
        read_copies(*file, look);
        break;
      case 4:
        read_slices(*file, look);
        break;
      case 5:
        read_load(*file, look);
        break;
      case 6:
        read_stream(*file, look);
        break;
      case 7:
        write_view(*file, look);
        return;
      default:
        check_state(*file, look);
        break;
    }
  }
  // A tensor keeps the lock of its file: one's own would keep oneself from editing it.
  const bool may_keep = !with_lock || (spec.family.kind != Kind::own && random_.one_in(8));
  if (may_keep && random_.one_in(3)) keep(*file, look);
  if (random_.one_in(3)) close_file(*file, look);
}

}  // namespace tensorhold::soak
