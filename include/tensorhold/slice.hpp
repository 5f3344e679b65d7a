// What part of a tensor: ranges, single indices, steps, ellipsis.
#pragma once

#include <cstdint>
#include <optional>

namespace tensorhold {
inline namespace v0 {

/// Stands for a start or stop that is left out, as in Python's `[:5]` or `[3:]`.
inline constexpr std::nullopt_t none = std::nullopt;

/// One dimension's part of a slice, with Python's meaning: negative positions count from the end,
/// ranges are clipped to the dimension, a single index drops the dimension.
///
///     w.slice({{0, 128}, th::all})        rows 0 to 127
///     w.slice({-1})                       the last row, one dimension less
///     w.slice({th::ellipsis, {0, none, 2}})  every second column
class Index {
 public:
  enum class Kind : std::uint8_t { single, range, ellipsis };

  constexpr Index(std::int64_t position)
      : kind_(Kind::single), start_(position) {}  // NOLINT: implicit on purpose
  constexpr Index(std::optional<std::int64_t> start, std::optional<std::int64_t> stop,
                  std::int64_t step = 1)
      : kind_(Kind::range), start_(start), stop_(stop), step_(step) {}

  [[nodiscard]] static constexpr Index make_ellipsis() {
    Index index(none, none);
    index.kind_ = Kind::ellipsis;
    return index;
  }

  [[nodiscard]] constexpr Kind kind() const noexcept { return kind_; }
  /// single: the position. range: the start, if given.
  [[nodiscard]] constexpr std::optional<std::int64_t> start() const noexcept { return start_; }
  [[nodiscard]] constexpr std::optional<std::int64_t> stop() const noexcept { return stop_; }
  /// Never 0 in a slice that is accepted; negative steps are refused (invalid_slice), as in the
  /// reference.
  [[nodiscard]] constexpr std::int64_t step() const noexcept { return step_; }

 private:
  Kind kind_;
  std::optional<std::int64_t> start_;
  std::optional<std::int64_t> stop_;
  std::int64_t step_ = 1;
};

/// A whole dimension, Python's `:`.
inline constexpr Index all{none, none};
/// As many whole dimensions as are missing, Python's `...`; at most one in a slice.
inline constexpr Index ellipsis = Index::make_ellipsis();

}  // namespace v0
}  // namespace tensorhold
