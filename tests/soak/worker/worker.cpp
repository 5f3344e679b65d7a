#include "worker/worker.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "worker/holding.hpp"

namespace tensorhold::soak {

Worker::Worker(Board& board, const Place& place, const Setup& setup, std::size_t process,
               std::size_t thread, std::uint64_t life)
    : board_(board),
      place_(place),
      number_(process * most_threads + thread),
      desk_(board.desk(process, thread)),
      random_(mix(setup.seed) ^ mix(1 + number_) ^ mix(0x10000 + life)),
      life_(life),
      narrow_(setup.narrow) {}

std::uint32_t Worker::faults_since(std::uint64_t since) const {
  std::uint32_t faults = place_.sharing ? bit(Fault::sharing) : 0;
  for (std::size_t i = 0; i < fault_count; ++i)
    if (board_.active(static_cast<Fault>(i), since)) faults |= 1U << i;
  if (place_.sharing && forked_until() >= since) faults |= bit(Fault::forked);
  return faults;
}

Worker::Outcome Worker::attempt(Op op, const Spec& spec, const std::function<void()>& run,
                                std::uint64_t since) {
  const std::uint64_t begin = since == 0 ? now() : since;
  const std::string name = std::filesystem::path(spec.path).filename().string();
  desk_.op = op;
  desk_.file.fill('\0');
  std::copy_n(name.begin(), std::min(name.size(), desk_.file.size() - 1), desk_.file.begin());
  desk_.steps += 1;
  board_.ops.at(static_cast<std::size_t>(op)) += 1;
  error_.reset();
  const auto report = [&](Bad bad, const std::string& what) {
    std::string faults;
    for (std::size_t i = 0; i < fault_count; ++i)
      if (((faults_since(begin) >> i) & 1) != 0) faults += " " + std::to_string(i);
    board_.report(bad, std::string(to_string(op)) + " of " + name + " on " + place_.name + ": " +
                           what + " [worker " + std::to_string(number_) + ", life " +
                           std::to_string(life_) + ", step " + std::to_string(desk_.steps.load()) +
                           (in_child_ ? ", in a child" : "") +
                           (faults.empty() ? "" : ", faults" + faults) + "]");
  };
  try {
    run();
    return Outcome::done;
  } catch (const Error& error) {
    error_ = error;
    if (allowed({.op = op, .kind = spec.family.kind, .faults = faults_since(begin)},
                error.code())) {
      board_.errors.at(static_cast<std::size_t>(error.code())) += 1;
      return Outcome::refused;
    }
    std::error_code ignored;
    // Loose files come and go; others are there at any time.
    const bool gone = error.code() == Code::not_found && spec.family.kind != Kind::loose &&
                      !std::filesystem::exists(spec.path, ignored);
    report(gone ? Bad::lost : Bad::unexplained,
           std::string(tensorhold::to_string(error.code())) + ": " + error.what());
  } catch (const Lost& lost) {
    report(Bad::lost, lost.what());
  } catch (const Wrong& wrong) {
    report(Bad::wrong, wrong.what());
  } catch (const std::exception& other) {
    report(Bad::unexplained, std::string("an exception: ") + other.what());
  }
  return Outcome::found;
}

void Worker::change(Op op, const Spec& spec, Ledger& ledger, const State& next, Newcomer from,
                    const std::function<void()>& run) {
  if (ledger.doubt.load() != Ledger::Doubt::none) {
    // The next open finishes an edit; until one can, nothing else is done with the file.
    Look look;
    (void)open_to_read(spec, look, false);
    return;
  }
  ledger.begin(next, from);
  const Outcome outcome = attempt(op, spec, run);
  if (outcome == Outcome::done) {
    ledger.commit();
    return;
  }
  const Code code = error_ ? error_->code() : Code::invalid_argument;
  const bool later = error_ && error_->advice().find("finishes the edit") != std::string::npos;
  if (code == Code::not_durable && !later)
    ledger.commit();
  else
    ledger.settle(later ? Ledger::Doubt::next : Ledger::Doubt::none);
  if (outcome == Outcome::found && !error_) {
    make(spec, fresh_state(new_stamp(Size::tiny)), ledger);
    return;
  }
  Look look;
  (void)open_to_read(spec, look, false);
}

void Worker::make(const Spec& spec, const State& state, Ledger& ledger) {
  std::error_code ignored;
  std::filesystem::remove(spec.path, ignored);
  ledger.settle(Ledger::Doubt::none);
  const State nothing{};
  ledger.begin(nothing);
  ledger.commit();
  if (!state.exists) return;
  const Contents contents(spec.family, state);
  ledger.begin(state);
  const Outcome outcome = attempt(Op::save, spec, [&] {
    save(spec.path, contents.list(), contents.metadata(), {.align = 64, .durable = false});
  });
  if (outcome == Outcome::done)
    ledger.commit();
  else
    ledger.settle(Ledger::Doubt::none);
}

Spec Worker::any_shared() {
  return random_.one_in(2) ? steady(place_, random_.below(steady_files))
                           : loose(place_, random_.below(loose_files));
}

Spec Worker::any_file() {
  if (in_child_) return random_.one_in(2) ? forked(place_, number_) : any_shared();
  return random_.one_in(3) ? own(place_, number_) : any_shared();
}

Ledger* Worker::ledger_of(const Spec& spec) {
  if (spec.family.kind != Kind::own) return nullptr;
  return spec.family.number >= 200 ? &desk_.forked : &desk_.own;
}

std::optional<State> Worker::known(const Spec& spec) {
  const Ledger* const ledger = ledger_of(spec);
  if (ledger == nullptr || ledger->doubt.load() != Ledger::Doubt::none) return std::nullopt;
  return ledger->state();
}

Size Worker::any_size() {
  // One thread alone, because a file of 64 MiB is in memory several times while it is written.
  if (number_ == 0 && !in_child_ && random_.one_in(200)) return Size::huge;
  const std::uint64_t dice = random_.below(20);
  if (dice < 13) return Size::tiny;
  return dice < 18 ? Size::medium : Size::big;
}

Stamp Worker::new_stamp(Size size, bool overwrite) {
  return make_stamp(size, overwrite, 1 + number_, desk_.writes.fetch_add(1) + 1);
}

void Worker::narrow_step() {
  const Spec spec = random_.one_in(4) ? loose(place_, 0) : steady(place_, steady_files - 1);
  const std::uint64_t dice = random_.below(10);
  if (dice < 6) {
    Look look;
    const std::optional<File> file = open_to_read(spec, look, random_.one_in(8));
    if (file && random_.one_in(3)) read_all(*file, look);
  } else if (dice < 9) {
    edit_file(spec);
  } else {
    save_file(spec);
  }
}

void Worker::step() {
  if (narrow_ && !random_.one_in(10)) return narrow_step();
  const std::uint64_t dice = random_.below(20);
  if (dice < 10)
    read_step();
  else if (dice < 17)
    write_step();
  else
    hold_step();
}

}  // namespace tensorhold::soak
