// Whole files: made from a State, and compared with one.
#pragma once

#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "board.hpp"
#include "place.hpp"

namespace tensorhold::soak {

/// A value or a file is not what it has to be.
struct Wrong : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A file is not there, or is an older one than was written last.
struct Lost : Wrong {
  using Wrong::Wrong;
};

/// A state in which every tensor is of the save `generation`.
[[nodiscard]] State fresh_state(Stamp generation, std::uint32_t edit_length = 16);

/// The tensors of a file, in memory.
class Contents {
 public:
  Contents(Family family, const State& state);
  [[nodiscard]] const std::vector<SaveTensor>& list() const { return list_; }
  [[nodiscard]] const std::vector<TensorLayout>& layout() const { return layout_; }
  [[nodiscard]] const Metadata& metadata() const { return metadata_; }
  [[nodiscard]] std::uint64_t nbytes() const;

 private:
  std::vector<TensorLayout> layout_;
  std::vector<std::vector<std::byte>> bytes_;
  std::vector<SaveTensor> list_;
  Metadata metadata_;
};

/// What an open file has to have.
struct Look {
  Spec spec;
  HeaderSays says;
  std::vector<TensorLayout> layout;
  std::optional<State> exact;  ///< known to be this
  bool torn = false;           ///< others may be overwriting its tensors
  std::uint64_t opened_at = 0;
};

/// Reads and checks the header. Raises Wrong.
[[nodiscard]] Look look_at(const File& file, const Spec& spec, std::optional<State> exact,
                           std::uint64_t opened_at);

/// Checks bytes of a tensor, from `offset` on. Raises Wrong. With torn tensors, `offset` is that of
/// a unit.
void check_bytes(Board& board, const Look& look, std::size_t tensor,
                 std::span<const std::byte> bytes, std::uint64_t offset = 0);

/// The position of a tensor in the layout, by its name. Raises Wrong.
[[nodiscard]] std::size_t index_of(const Look& look, std::string_view name);

}  // namespace tensorhold::soak
