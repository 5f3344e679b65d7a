// One thread that attacks a place. What it does is decided by the seed, its number, and how often
// its process was killed; by nothing else.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "allowed.hpp"
#include "content.hpp"

namespace tensorhold::soak {

class Worker {
 public:
  Worker(Board& board, const Place& place, const Setup& setup, std::size_t process,
         std::size_t thread, std::uint64_t life);

  /// One operation, or a few that belong together.
  void step();
  /// Makes `path` have `state`, whatever stands there; for the beginning, and after a finding.
  void make(const Spec& spec, const State& state, Ledger& ledger);

 private:
  enum class Outcome : std::uint8_t { done, refused, found };
  struct Kept {
    Tensor tensor;
    Look look;
    std::size_t index = 0;
  };

  /// Runs one operation of the library. An error that is allowed is counted; all else is a finding.
  Outcome attempt(Op op, const Spec& spec, const std::function<void()>& run,
                  std::uint64_t since = 0);
  /// As attempt(), for what changes a file of one's own.
  void change(Op op, const Spec& spec, Ledger& ledger, const State& next, Newcomer from,
              const std::function<void()>& run);
  [[nodiscard]] std::uint32_t faults_since(std::uint64_t since) const;

  // reading.cpp
  void read_step();
  void narrow_step();
  [[nodiscard]] std::optional<File> open_to_read(const Spec& spec, Look& look, bool with_lock);
  void read_all(const File& file, const Look& look);
  void read_copies(const File& file, const Look& look);
  void read_slices(const File& file, const Look& look);
  void read_load(const File& file, const Look& look);
  void read_stream(const File& file, const Look& look);
  void write_view(const File& file, const Look& look);
  void close_file(const File& file, const Look& look);
  void check_state(const File& file, const Look& look);
  void check_tensor(const Tensor& tensor, const Look& look, std::size_t index);
  void check_kept();
  void keep(const File& file, const Look& look);

  // writing.cpp
  void write_step();
  void save_file(const Spec& spec);
  void save_again(const Spec& from, const Spec& to);
  void write_with_writer(const Spec& spec);
  void edit_file(const Spec& spec);
  void overwrite_tensor(const Spec& spec);
  void replace_file(const Spec& spec);
  void move_file(const Spec& from, const Spec& to);
  void remove_file(const Spec& spec);

  // holding.cpp
  void hold_step();
  void release_file(const Spec& spec);
  void lock_file(const Spec& spec);
  void fork_child();
  void be_child();

  [[nodiscard]] Spec any_shared();
  [[nodiscard]] Spec any_file();
  [[nodiscard]] Ledger* ledger_of(const Spec& spec);
  [[nodiscard]] Size any_size();
  [[nodiscard]] Stamp new_stamp(Size size, bool overwrite = false);
  [[nodiscard]] SaveOptions save_options(const Spec& spec);
  [[nodiscard]] EditOptions edit_options(const Spec& spec);
  /// The state of one's own file that is known to stand there; none while it is in doubt.
  [[nodiscard]] std::optional<State> known(const Spec& spec);
  void run_writer(const Spec& spec, const Contents& contents);

  Board& board_;
  const Place& place_;
  const std::size_t number_;  ///< of the desk
  Desk& desk_;
  Random random_;
  std::deque<Kept> kept_;
  std::vector<std::byte> buffer_;
  std::optional<Error> error_;  ///< of the last attempt that was refused
  std::uint64_t life_ = 0;
  bool narrow_ = false;
  bool in_child_ = false;
};

}  // namespace tensorhold::soak
