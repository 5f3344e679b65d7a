// What a worker writes, in every way that the library has.
#include <algorithm>
#include <array>
#include <chrono>
#include <string>

#include "worker/worker.hpp"

namespace tensorhold::soak {

SaveOptions Worker::save_options(const Spec& spec) {
  constexpr std::array<std::uint64_t, 3> aligns{8, 64, 4096};
  constexpr std::array<std::uint64_t, 3> rooms{0, 256, 4096};
  SaveOptions options;
  // What is overwritten while others look has no unit in two pages.
  options.align = spec.family.kind == Kind::steady ? 64 : aligns.at(random_.below(aligns.size()));
  options.reserve_header = rooms.at(random_.below(rooms.size()));
  options.durable = random_.one_in(4);
  options.threads = static_cast<unsigned>(random_.below(3));
  return options;
}

EditOptions Worker::edit_options(const Spec& spec) {
  EditOptions options;
  options.durable = random_.one_in(4);
  options.reserve_header = random_.below(2) * 4096;
  if (spec.family.kind != Kind::own)
    options.lock_timeout = std::chrono::milliseconds(random_.below(3) * 20);
  return options;
}

void Worker::save_file(const Spec& spec) {
  const State next =
      fresh_state(new_stamp(any_size()), static_cast<std::uint32_t>(random_.below(300)));
  const Contents contents(spec.family, next);
  SaveOptions options = save_options(spec);
  const bool stopped = random_.one_in(10);
  const StopSource source;
  if (stopped) {
    source.request_stop();
    options.stop = source.token();
  }
  const auto run = [&] {
    save(spec.path, contents.list(), contents.metadata(), options);
    if (stopped) throw Wrong("a save whose stop token is set took place");
  };
  const Op op = stopped ? Op::save_stopped : Op::save;
  if (Ledger* const ledger = ledger_of(spec))
    change(op, spec, *ledger, next, Newcomer::none, run);
  else
    (void)attempt(op, spec, run);
}

void Worker::save_again(const Spec& from, const Spec& to) {
  Look look;
  const std::optional<File> file = open_to_read(from, look, false);
  if (!file || file->file_bytes() > (std::uint64_t{24} << 20)) return;
  const auto run = [&] {
    std::vector<Tensor> tensors;
    std::vector<SaveTensor> list;
    for (std::size_t i = 0; i < file->size(); ++i) tensors.push_back(file->at(i));
    for (const Tensor& tensor : tensors) list.emplace_back(tensor);
    save(to.path, list, metadata_of(to.family, look.says), save_options(to));
  };
  if (Ledger* const ledger = ledger_of(to))
    change(Op::save_again, to, *ledger, *look.exact, Newcomer::none, run);
  else
    (void)attempt(Op::save_again, to, run, look.opened_at);
}

void Worker::run_writer(const Spec& spec, const Contents& contents) {
  Writer writer(spec.path, contents.layout(), contents.metadata(), save_options(spec));
  std::vector<std::size_t> order(contents.list().size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random_.below(i)]);
  for (const std::size_t i : order) {
    const SaveTensor& tensor = contents.list()[i];
    if (tensor.bytes.size() < 2 || random_.one_in(3)) {
      writer.write(tensor.name, tensor.bytes);
      continue;
    }
    const std::size_t cut = 1 + random_.below(tensor.bytes.size() - 1);
    writer.write_at(tensor.name, cut, tensor.bytes.subspan(cut));
    writer.write_at(tensor.name, 0, tensor.bytes.first(cut));
  }
  writer.commit();
  if (writer.is_open()) throw Wrong("a Writer that was committed says that it is open");
}

void Worker::write_with_writer(const Spec& spec) {
  const State next =
      fresh_state(new_stamp(any_size()), static_cast<std::uint32_t>(random_.below(300)));
  const Contents contents(spec.family, next);
  if (random_.one_in(6)) {
    (void)attempt(Op::writer, spec, [&] {
      Writer writer(spec.path, contents.layout(), contents.metadata(), save_options(spec));
      const SaveTensor& tensor = contents.list().front();
      writer.write(tensor.name, tensor.bytes);
      if (random_.one_in(2)) writer.abandon();
    });
    return;
  }
  const auto run = [&] { run_writer(spec, contents); };
  if (Ledger* const ledger = ledger_of(spec))
    change(Op::writer, spec, *ledger, next, Newcomer::none, run);
  else
    (void)attempt(Op::writer, spec, run);
}

void Worker::edit_file(const Spec& spec) {
  Ledger* const ledger = ledger_of(spec);
  if (ledger != nullptr && !ledger->state().exists) return;
  const Stamp stamp = new_stamp(Size::tiny);
  // Long texts make headers that take more than one read and one write.
  constexpr std::array<std::uint64_t, 3> lengths{300, 9'000, 20'000};
  const bool room = !random_.one_in(3);
  auto length =
      static_cast<std::uint32_t>(random_.below(lengths.at(random_.below(lengths.size()))));
  // Of one's own file it is known what fits.
  if (ledger != nullptr && room) length = std::min(length, ledger->state().says.edit_length);
  const auto run = [&] {
    const Edited edited = edit_metadata(
        spec.path, {.set = {{"edit", edit_text(stamp, length)}}, .remove = {}}, edit_options(spec));
    if (!edited.changed) throw Wrong("an edit says that nothing changed");
    if (ledger != nullptr && room && edited.rewritten)
      throw Wrong("an edit that fits wrote a new file");
  };
  const Op op = room ? Op::edit_in_room : Op::edit_without_room;
  if (ledger == nullptr) {
    (void)attempt(op, spec, run);
    return;
  }
  State next = ledger->state();
  next.says.edit = stamp;
  next.says.edit_length = length;
  change(op, spec, *ledger, next, Newcomer::none, run);
}

void Worker::overwrite_tensor(const Spec& spec) {
  Ledger* const ledger = ledger_of(spec);
  if (ledger != nullptr && !ledger->state().exists) return;
  const Stamp generation = ledger != nullptr ? ledger->state().says.generation : 0;
  const std::vector<TensorLayout> layout = layout_of(spec.family, generation);
  const std::size_t index = random_.below(layout.size());
  const Stamp stamp = new_stamp(Size::tiny, true);
  std::vector<std::byte> bytes(static_cast<std::size_t>(bytes_of(layout[index])));
  fill(bytes, {spec.family, index}, stamp);
  const auto run = [&] {
    (void)overwrite(spec.path, layout[index].name, bytes, edit_options(spec));
  };
  if (ledger == nullptr) {
    (void)attempt(Op::overwrite, spec, run);
    return;
  }
  State next = ledger->state();
  next.tensors.at(index) = stamp;
  change(Op::overwrite, spec, *ledger, next, Newcomer::none, run);
}

void Worker::replace_file(const Spec& spec) {
  const bool far = random_.one_in(3);
  const std::string from = newcomer(place_, number_, far);
  const State next =
      fresh_state(new_stamp(any_size()), static_cast<std::uint32_t>(random_.below(300)));
  const Contents contents(spec.family, next);
  SaveOptions options = save_options(spec);
  if (attempt(Op::save, {from, {Kind::own, spec.family.number}},
              [&] { save(from, contents.list(), contents.metadata(), options); }) !=
          Outcome::done &&
      (!error_ || error_->code() != Code::not_durable))
    return;
  const auto run = [&] { (void)replace(from, spec.path, {.durable = random_.one_in(4)}); };
  const Op op = far ? Op::replace_across : Op::replace;
  if (Ledger* const ledger = ledger_of(spec))
    change(op, spec, *ledger, next, far ? Newcomer::elsewhere : Newcomer::beside, run);
  else
    (void)attempt(op, spec, run);
}

void Worker::move_file(const Spec& from, const Spec& to) {
  const bool over_there = random_.one_in(3);
  const Spec middle{newcomer(place_, number_, true), to.family};
  const auto move = [&](const std::string& source, const std::string& target) {
    return attempt(Op::move, to,
                   [&] { (void)replace(source, target, {.durable = random_.one_in(4)}); });
  };
  if (!over_there) {
    (void)move(from.path, to.path);
  } else if (move(from.path, middle.path) == Outcome::done) {
    (void)move(middle.path, to.path);
  }
}

void Worker::remove_file(const Spec& spec) {
  const RemoveOptions options{.reclaim_space = random_.one_in(3)};
  const auto run = [&] { (void)tensorhold::remove(spec.path, options); };
  Ledger* const ledger = ledger_of(spec);
  if (ledger == nullptr)
    (void)attempt(Op::remove, spec, run);
  else if (ledger->state().exists)
    change(Op::remove, spec, *ledger, State{}, Newcomer::none, run);
}

void Worker::write_step() {
  const Spec mine = in_child_ ? forked(place_, number_) : own(place_, number_);
  const Spec spec = random_.one_in(2) ? mine : any_shared();
  const bool can_overwrite = spec.family.kind != Kind::loose;
  const bool can_remove = spec.family.kind != Kind::steady;
  switch (random_.below(16)) {
    case 0:
    case 1:
    case 2:
      save_file(spec);
      break;
    case 3:
    case 4:
      write_with_writer(spec);
      break;
    case 5:
    case 6:
    case 7:
    case 8:
      edit_file(spec);
      break;
    case 9:
    case 10:
    case 11:
      if (can_overwrite)
        overwrite_tensor(spec);
      else
        edit_file(spec);
      break;
    case 12:
      replace_file(spec);
      break;
    case 13:
      if (can_remove) remove_file(spec);
      break;
    case 14:
      move_file(loose(place_, random_.below(loose_files)),
                loose(place_, random_.below(loose_files)));
      break;
    default:
      if (spec.family.kind == Kind::own && known(spec) && known(spec)->exists)
        save_again(spec, spec);
      else
        save_again(loose(place_, random_.below(loose_files)),
                   loose(place_, random_.below(loose_files)));
      break;
  }
}

}  // namespace tensorhold::soak
