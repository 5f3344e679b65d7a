#include "load/read_units.hpp"

#include <algorithm>
#include <numeric>

#include "hold/memory/owned_memory.hpp"

namespace tensorhold::io {
namespace {

// What the system takes in one call, gaps included (IOV_MAX is 1024 where it matters).
constexpr std::uint32_t most_in_group = 512;

class Maker {
 public:
  Maker(const tensor::PartCatalog& wanted, std::uint64_t unit_bytes)
      : wanted_(wanted), unit_bytes_(std::max<std::uint64_t>(unit_bytes, 1)) {
    units_.pieces.resize(wanted.size(), 0);
    units_.order.reserve(wanted.size());
    for (std::uint32_t i = 0; i < wanted.size(); ++i)
      if (wanted.nbytes(i) != 0) units_.order.push_back(i);
    const auto offset = [&](std::uint32_t i) { return wanted.offset(i); };
    if (!std::ranges::is_sorted(units_.order, {}, offset))
      std::ranges::stable_sort(units_.order, {}, offset);
  }

  Units make() && {
    for (std::uint32_t at = 0; at < units_.order.size(); ++at) {
      const std::uint32_t index = units_.order[at];
      const std::uint64_t nbytes = wanted_.nbytes(index);
      units_.nbytes += nbytes;
      if (const tensor::Selection* runs = wanted_.runs(index))
        add_rows(at, *runs);
      else if (nbytes >= hold::own_mapping_bytes || nbytes > unit_bytes_)
        add_pieces(at, nbytes);
      else if (!joins_group(index, nbytes))
        begin_group(at, nbytes);
    }
    return std::move(units_);
  }

 private:
  /// A unit whose bytes begin and end there in the file.
  void add(const Unit& unit, std::uint64_t begin, std::uint64_t end) {
    if (units_.list.empty() || begin != end_) ++units_.ranges;
    end_ = end;
    units_.list.push_back(unit);
    for (std::uint32_t i = 0; i < unit.count; ++i) ++units_.pieces[units_.order[unit.first + i]];
  }

  void add_rows(std::uint32_t at, const tensor::Selection& runs) {
    const std::uint64_t turn_bytes = runs.nbytes / runs.counts.front();
    const std::uint64_t turns = std::max<std::uint64_t>(unit_bytes_ / turn_bytes, 1);
    if (runs.strides.back() > longest_gap) units_.ranges += runs.nbytes / runs.run_bytes - 1;
    split(at, Unit::Kind::rows, runs.counts.front(), turns, turn_bytes, runs.strides.front(),
          turns);
  }

  void add_pieces(std::uint32_t at, std::uint64_t nbytes) {
    const std::size_t into_page = place_in_page(wanted_.offset(units_.order[at]), nbytes);
    const std::uint64_t first = unit_bytes_ > into_page ? unit_bytes_ - into_page : unit_bytes_;
    split(at, Unit::Kind::piece, nbytes, unit_bytes_, 1, 1, first);
  }

  void split(std::uint32_t at, Unit::Kind kind, std::uint64_t end, std::uint64_t step,
             std::uint64_t bytes_each, std::uint64_t apart, std::uint64_t first_step) {
    const std::uint64_t offset = wanted_.offset(units_.order[at]);
    for (std::uint64_t from = 0; from < end;) {
      const std::uint64_t to = from + std::min(end - from, from == 0 ? first_step : step);
      add({.kind = kind,
           .begins = from == 0,
           .first = at,
           .from = from,
           .to = to,
           .nbytes = (to - from) * bytes_each},
          offset + from * apart, offset + to * apart);
      from = to;
    }
    open_ = false;
  }

  bool joins_group(std::uint32_t index, std::uint64_t nbytes) {
    if (!open_) return false;
    Unit& group = units_.list.back();
    const std::uint64_t offset = wanted_.offset(index);
    if (offset < end_ || group.count == most_in_group || group.nbytes + nbytes > unit_bytes_)
      return false;
    const std::uint64_t gap = offset - end_;
    if (gap > longest_gap || (gaps_ + gap) > (group.nbytes + nbytes) / most_gaps_part) return false;
    gaps_ += gap;
    end_ = offset + nbytes;
    ++group.count;
    group.nbytes += nbytes;
    ++units_.pieces[index];
    return true;
  }

  void begin_group(std::uint32_t at, std::uint64_t nbytes) {
    const std::uint64_t begin = wanted_.offset(units_.order[at]);
    add({.first = at, .nbytes = nbytes}, begin, begin + nbytes);
    open_ = true;
    gaps_ = 0;
  }

  const tensor::PartCatalog& wanted_;
  const std::uint64_t unit_bytes_;
  Units units_;
  bool open_ = false;       // the last unit is a group that may grow
  std::uint64_t end_ = 0;   // of the last unit, in the file
  std::uint64_t gaps_ = 0;  // bytes in it that nobody wants
};

}  // namespace

std::size_t place_in_page(std::uint64_t offset, std::uint64_t nbytes) noexcept {
  const bool fits = nbytes >= hold::own_mapping_bytes && offset % hold::owned_alignment == 0;
  return fits ? static_cast<std::size_t>(offset % hold::owned_page) : 0;
}

Units make_units(const tensor::PartCatalog& wanted, std::uint64_t unit_bytes) {
  return Maker(wanted, unit_bytes).make();
}

}  // namespace tensorhold::io
