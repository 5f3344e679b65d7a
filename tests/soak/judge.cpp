#include "judge.hpp"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "content.hpp"

namespace tensorhold::soak {
namespace {

void save_state(const Spec& spec, const State& state) {
  const Contents contents(spec.family, state);
  // What is overwritten while others look has no unit in two pages.
  save(spec.path, contents.list(), contents.metadata(),
       {.align = 64, .reserve_header = 256, .durable = false});
}

/// Checks every byte of an open file.
void check_file(Board& board, const Spec& spec, const std::optional<State>& exact) {
  const File file = open(spec.path, {.access = Access::owned});
  Look look = look_at(file, spec, exact, now());
  look.torn = false;
  for (std::size_t i = 0; i < file.size(); ++i) {
    const Tensor tensor = file.at(i);
    check_bytes(board, look, index_of(look, tensor.name()), tensor.bytes());
  }
  board.files += 1;
}

/// What keeps a file from being in a state; `what` is empty when nothing does.
struct Difference {
  std::string what = {};
  Bad bad = Bad::lost;
  [[nodiscard]] bool empty() const { return what.empty(); }
};

Difference differs(Board& board, const Spec& spec, const State& state) {
  try {
    if (state.exists) {
      check_file(board, spec, state);
      return {};
    }
    const auto opened = try_open(spec.path);
    if (opened) return {"a file stands there"};
    if (opened.error().code() == Code::not_found) return {};
    return {opened.error().what()};
  } catch (const Lost& lost) {
    return {lost.what()};
  } catch (const Wrong& wrong) {
    return {wrong.what(), Bad::wrong};
  } catch (const std::exception& error) {
    return {error.what()};
  }
}

/// Names in a folder that a save of `name` has to have taken away.
std::string left_beside(const std::string& path) {
  const std::filesystem::path whole(path);
  const std::string name = whole.filename().string();
  std::string left;
  for (const auto& entry : std::filesystem::directory_iterator(whole.parent_path())) {
    const std::string other = entry.path().filename().string();
    if (other != name && other.starts_with('.') && other.find(name) != std::string::npos)
      left += " " + other;
  }
  return left;
}

void report(Board& board, Bad bad, const Place& place, const Spec& spec, const std::string& text) {
  board.report(bad, "judging " + std::filesystem::path(spec.path).filename().string() + " on " +
                        place.name + ": " + text);
}

/// Where a file was on its way to a name and did not reach it, it is whole at its old name.
void check_newcomer(Board& board, const Place& place, std::size_t desk, const Spec& spec,
                    const Ledger& ledger) {
  if (ledger.newcomer == Newcomer::none) return;
  const std::string path = newcomer(place, desk, ledger.newcomer == Newcomer::elsewhere);
  const Difference wrong = differs(board, {path, spec.family}, ledger.next());
  if (!wrong.empty())
    report(board, Bad::lost, place, spec,
           "what was to replace it is at neither name: " + wrong.what);
}

void judge_own(Board& board, const Place& place, std::size_t desk, const Spec& spec, Ledger& ledger,
               bool beside) {
  const Ledger::Doubt doubt = ledger.doubt.load();
  Difference as_it_was{"an edit was to be finished"};
  if (doubt != Ledger::Doubt::next) as_it_was = differs(board, spec, ledger.state());
  if (as_it_was.empty()) {
    if (doubt == Ledger::Doubt::either) check_newcomer(board, place, desk, spec, ledger);
    ledger.settle(Ledger::Doubt::none);
  } else if (doubt != Ledger::Doubt::none) {
    const Difference as_it_comes = differs(board, spec, ledger.next());
    if (as_it_comes.empty())
      ledger.commit();
    else
      report(board, as_it_was.bad == Bad::wrong ? as_it_comes.bad : Bad::lost, place, spec,
             "neither old (" + as_it_was.what + ") nor new (" + as_it_comes.what + ")");
  } else {
    report(board, as_it_was.bad, place, spec, as_it_was.what);
  }
  // Also where it was found wrong, so that one finding is not many.
  State state = ledger.state();
  if (!state.exists) state = fresh_state(make_stamp(Size::tiny, false, 0x100 + desk, now()));
  ledger.begin(state);
  save_state(spec, state);
  ledger.commit();
  if (!beside) return;
  const std::string left = left_beside(spec.path);
  if (!left.empty())
    report(board, Bad::unexplained, place, spec, "left beside it after a save:" + left);
}

void judge_shared(Board& board, const Place& place, const Spec& spec, std::size_t number) {
  try {
    if (spec.family.kind == Kind::steady || std::filesystem::exists(spec.path))
      check_file(board, spec, std::nullopt);
  } catch (const Error& error) {
    report(board, error.code() == Code::not_found ? Bad::lost : Bad::wrong, place, spec,
           error.what());
  } catch (const Wrong& wrong) {
    report(board, Bad::wrong, place, spec, wrong.what());
  }
  save_state(spec, fresh_state(make_stamp(Size::tiny, false, 0x200 + number, now())));
}

void judge_names(Board& board, const Place& place, const std::string& folder) {
  std::string left;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.')) left += " " + name;
  }
  if (!left.empty())
    board.report(Bad::unexplained,
                 "judging names on " + place.name + ": left after saves of all files:" + left);
}

std::vector<std::size_t> desks_of(const Setup& setup) {
  std::vector<std::size_t> desks;
  for (std::size_t process = 0; process < setup.processes; ++process)
    for (std::size_t thread = 0; thread < setup.threads; ++thread)
      desks.push_back(process * most_threads + thread);
  return desks;
}

}  // namespace

void prepare(Board& board, const Place& place, const Setup& setup) {
  const auto stand = [&](const Spec& spec, std::size_t number, Ledger* ledger) {
    const State state = fresh_state(make_stamp(Size::medium, false, 0x300 + number, 1));
    if (!std::filesystem::exists(spec.path)) save_state(spec, state);
    if (ledger == nullptr) return;
    ledger->begin(state);
    ledger->commit();
  };
  for (std::size_t i = 0; i < steady_files; ++i) stand(steady(place, i), i, nullptr);
  for (std::size_t i = 0; i < loose_files; ++i) stand(loose(place, i), 10 + i, nullptr);
  for (const std::size_t desk : desks_of(setup)) {
    stand(own(place, desk), 20 + desk, &board.desks.at(desk).own);
    stand(forked(place, desk), 60 + desk, &board.desks.at(desk).forked);
  }
}

void judge_desk(Board& board, const Place& place, std::size_t desk) {
  Desk& at = board.desks.at(desk);
  judge_own(board, place, desk, own(place, desk), at.own, true);
  judge_own(board, place, desk, forked(place, desk), at.forked, true);
  at.child = 0;
}

void judge_place(Board& board, const Place& place, const Setup& setup) {
  for (const std::size_t desk : desks_of(setup)) judge_desk(board, place, desk);
  for (std::size_t i = 0; i < steady_files; ++i) judge_shared(board, place, steady(place, i), i);
  for (std::size_t i = 0; i < loose_files; ++i) judge_shared(board, place, loose(place, i), 10 + i);
  for (const std::size_t desk : desks_of(setup)) {
    for (const bool far : {false, true}) {
      const Spec spec{newcomer(place, desk, far), {Kind::own, 300}};
      save_state(spec, fresh_state(1));
      std::filesystem::remove(spec.path);
    }
  }
  judge_names(board, place, place.folder);
  judge_names(board, place, place.elsewhere);
}

}  // namespace tensorhold::soak
