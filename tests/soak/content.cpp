#include "content.hpp"

#include <algorithm>

namespace tensorhold::soak {

State fresh_state(Stamp generation, std::uint32_t edit_length) {
  State state{.exists = true,
              .says = {.generation = generation, .edit = generation, .edit_length = edit_length}};
  state.tensors.fill(generation);
  return state;
}

Contents::Contents(Family family, const State& state)
    : layout_(layout_of(family, state.says.generation)),
      metadata_(metadata_of(family, state.says)) {
  bytes_.reserve(layout_.size());
  for (std::size_t i = 0; i < layout_.size(); ++i) {
    std::vector<std::byte>& bytes = bytes_.emplace_back(bytes_of(layout_[i]));
    fill(bytes, {family, i}, state.tensors.at(i));
    list_.emplace_back(layout_[i].name, layout_[i].dtype, layout_[i].shape, bytes);
  }
}

std::uint64_t Contents::nbytes() const {
  std::uint64_t sum = 0;
  for (const auto& bytes : bytes_) sum += bytes.size();
  return sum;
}

std::size_t index_of(const Look& look, std::string_view name) {
  const auto found = std::ranges::find(look.layout, name, &TensorLayout::name);
  if (found == look.layout.end()) throw Wrong("a tensor called " + std::string(name));
  return static_cast<std::size_t>(found - look.layout.begin());
}

Look look_at(const File& file, const Spec& spec, std::optional<State> exact,
             std::uint64_t opened_at) {
  const auto says = parse_metadata(spec.family, file);
  if (!says) {
    std::string text = "the header is a mix:";
    for (const auto& [key, value] : file.metadata())
      text += " " + std::string(key) + "=" + std::string(value.substr(0, 40)) + " (" +
              std::to_string(value.size()) + ")";
    throw Wrong(text);
  }
  Look look{.spec = spec,
            .says = *says,
            .layout = layout_of(spec.family, says->generation),
            .exact = exact,
            .torn = spec.family.kind == Kind::steady,
            .opened_at = opened_at};
  if (exact && (exact->says.generation != says->generation || exact->says.edit != says->edit ||
                exact->says.edit_length != says->edit_length))
    throw Lost("the header is of another save or edit than the last: generation " +
               std::to_string(says->generation) + ", edit " + std::to_string(says->edit) +
               "; expected " + std::to_string(exact->says.generation) + ", " +
               std::to_string(exact->says.edit));
  if (file.size() != look.layout.size())
    throw Wrong(std::to_string(file.size()) + " tensors, not " +
                std::to_string(look.layout.size()));
  for (std::size_t i = 0; i < file.size(); ++i) {
    const TensorInfo info = file.info(i);
    const TensorLayout& wanted = look.layout[index_of(look, info.name)];
    if (info.dtype != wanted.dtype || !std::ranges::equal(info.shape, wanted.shape) ||
        info.nbytes != bytes_of(wanted))
      throw Wrong("dtype or shape of " + wanted.name);
  }
  return look;
}

void check_bytes(Board& board, const Look& look, std::size_t tensor,
                 std::span<const std::byte> bytes, std::uint64_t offset) {
  const Spot spot{look.spec.family, tensor};
  std::optional<std::string> wrong;
  if (look.exact) {
    wrong = compare(bytes, spot, look.exact->tensors.at(tensor), offset);
  } else if (look.spec.family.kind == Kind::steady) {
    wrong = compare_any(bytes, spot, look.says.generation, look.torn, offset);
  } else {
    wrong = compare(bytes, spot, look.says.generation, offset);
  }
  board.bytes += bytes.size();
  if (wrong) throw Wrong(*wrong);
}

}  // namespace tensorhold::soak
