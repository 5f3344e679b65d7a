#include "cli/output/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "cli/output/console.hpp"
#include "cli/output/text.hpp"

namespace tensorhold::cli {
namespace {

struct Row {
  std::string name;
  std::string dtype;
  std::string shape;
  std::string size;
};

constexpr std::size_t gap = 2;
// Names differ at their ends, shapes seldom need more.
constexpr std::size_t most_shape = 24;

}  // namespace

std::uint64_t elements(const TensorInfo& info) noexcept {
  // nbytes fits in 64 bits; its bits may not.
  const unsigned bits = bits_of(info.dtype);
  return bits >= 8 ? info.nbytes / (bits / 8)
                   : info.nbytes / bits * 8 + info.nbytes % bits * 8 / bits;
}

Totals totals_of(const File& file) {
  Totals found;
  for (std::size_t i = 0; i < file.size(); ++i) {
    const TensorInfo info = file.info(i);
    found.parameters += elements(info);
    found.nbytes += info.nbytes;
  }
  return found;
}

std::string totals(const File& file) {
  const auto [parameters, bytes] = totals_of(file);
  const std::uint64_t more = file.trailing_bytes();
  return fmt::format("{} tensor{}, {} parameter{}, {}{}", count_text(file.size()),
                     file.size() == 1 ? "" : "s", count_text(parameters),
                     parameters == 1 ? "" : "s", size_text(bytes),
                     more == 0 ? "" : ", and " + size_text(more) + " after them");
}

std::string tensor_table(const File& file, const std::vector<std::size_t>& positions,
                         bool full_width) {
  std::vector<Row> rows{{"NAME", "DTYPE", "SHAPE", "SIZE"}};
  for (const std::size_t position : positions) {
    const TensorInfo info = file.info(position);
    std::string shape = shape_text(info.shape);
    rows.push_back({printable(info.name), std::string(to_string(info.dtype)),
                    full_width ? shape : shorten(shape, most_shape), size_text(info.nbytes)});
  }
  std::size_t name = 0;
  std::size_t dtype = 0;
  std::size_t shape = 0;
  std::size_t size = 0;
  for (const Row& row : rows) {
    name = std::max(name, columns(row.name));
    dtype = std::max(dtype, row.dtype.size());
    shape = std::max(shape, columns(row.shape));
    size = std::max(size, row.size.size());
  }
  const std::size_t others = dtype + shape + size + 3 * gap;
  if (!full_width) name = std::min(name, screen_columns() - others);
  std::string table;
  for (const Row& row : rows)
    table += fmt::format("{}  {}  {}  {:>{}}\n", pad(shorten(row.name, name), name),
                         pad(row.dtype, dtype), pad(row.shape, shape), row.size, size);
  return table;
}

}  // namespace tensorhold::cli
