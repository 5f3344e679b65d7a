#include "format/header/name_index.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstring>
#include <exception>
#include <limits>
#include <memory>
#include <random>

namespace tensorhold::format {
namespace {

std::uint64_t load8(const char* from) noexcept {
  std::uint64_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

std::uint64_t load4(const char* from) noexcept {
  std::uint32_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/// Both halves of the 128-bit product, folded together.
std::uint64_t multiply_fold(std::uint64_t a, std::uint64_t b) noexcept {
#if defined(__SIZEOF_INT128__)
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
#else
  const std::uint64_t a_low = a & 0xffffffff, a_high = a >> 32;
  const std::uint64_t b_low = b & 0xffffffff, b_high = b >> 32;
  const std::uint64_t low = a_low * b_low, high = a_high * b_high;
  const std::uint64_t middle = a_high * b_low + (low >> 32);
  const std::uint64_t cross = a_low * b_high + (middle & 0xffffffff);
  return (cross << 32 | (low & 0xffffffff)) ^ (high + (middle >> 32) + (cross >> 32));
#endif
}

/// Bits that nobody can guess, where the system has any.
NameIndex::Seed random_bits() {
  NameIndex::Seed bits{};
  try {
    std::random_device device;
    for (auto& word : bits) word = std::uint64_t{device()} << 32 | device();
  } catch (const std::exception&) {
    // Without a random device, the clock and the address layout are what is left to differ.
    const auto clock = static_cast<std::uint64_t>(
        std::chrono::high_resolution_clock::now().time_since_epoch().count());
    const auto place = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(&bits));
    for (std::size_t i = 0; i < bits.size(); ++i)
      bits[i] = multiply_fold(clock + i, place ^ 0x9e3779b97f4a7c15) | 1;
  }
  return bits;
}

/// Random bits of the process, and another seed for each call made from them.
NameIndex::Seed fresh_seed() {
  // One for the process, made by whoever is first, and never freed. No static that is guarded while
  // it is made: a child of a fork would wait for whoever made it then.
  static constinit std::atomic<const NameIndex::Seed*> made = nullptr;
  const NameIndex::Seed* seed_of_all = made.load(std::memory_order_acquire);
  if (seed_of_all == nullptr) {
    auto mine = std::make_unique<const NameIndex::Seed>(random_bits());
    if (made.compare_exchange_strong(seed_of_all, mine.get())) seed_of_all = mine.release();
  }
  const NameIndex::Seed& process = *seed_of_all;
  static constinit std::atomic<std::uint64_t> calls = 0;
  const std::uint64_t call = calls.fetch_add(1, std::memory_order_relaxed) + 1;
  NameIndex::Seed seed = process;
  for (auto& word : seed) word ^= multiply_fold(call ^ word, process[3] | 1);
  return seed;
}

}  // namespace

std::uint64_t NameIndex::hash(std::string_view name, const Seed& seed) noexcept {
  const char* from = name.data();
  std::size_t left = name.size();
  std::uint64_t state = seed[0];
  for (; left > 16; from += 16, left -= 16)
    state = multiply_fold(load8(from) ^ seed[1], load8(from + 8) ^ state);
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  if (left >= 8) {
    a = load8(from);
    b = load8(from + left - 8);
  } else if (left >= 4) {
    a = load4(from);
    b = load4(from + left - 4);
  } else if (left > 0) {
    a = static_cast<std::uint64_t>(static_cast<unsigned char>(from[0])) << 16 |
        static_cast<std::uint64_t>(static_cast<unsigned char>(from[left / 2])) << 8 |
        static_cast<unsigned char>(from[left - 1]);
  }
  // The length comes in behind a product: beside the text, a chosen text could cancel it.
  return multiply_fold(multiply_fold(a ^ seed[2], b ^ state) ^ name.size(), seed[3]);
}

std::size_t NameIndex::home(std::uint64_t hash) const noexcept {
  return static_cast<std::size_t>((hash >> 32) * slots_.size() >> 32);
}

std::uint32_t NameIndex::tag(std::uint64_t hash) const noexcept {
  return static_cast<std::uint32_t>(hash) & ~number_mask_;
}

NameIndex::Outcome NameIndex::fill(const NameTable& names, std::size_t max_probes,
                                   std::uint32_t& duplicate) noexcept {
  std::memset(slots_.data(), 0, slots_.size() * sizeof(std::uint32_t));
  // A batch is hashed and its slots are fetched before the first of them is looked at, so that the
  // cache misses of a large table overlap.
  constexpr std::size_t batch = 32;
  std::array<std::uint64_t, batch> hashes;
  for (std::size_t first = 0; first < names.count; first += batch) {
    const std::size_t count = std::min(batch, names.count - first);
    for (std::size_t i = 0; i < count; ++i) {
      hashes[i] = hash(names[first + i], seed_);
      __builtin_prefetch(slots_.data() + home(hashes[i]), 1);
    }
    for (std::size_t i = 0; i < count; ++i) {
      const auto number = static_cast<std::uint32_t>(first + i);
      const std::uint32_t mark = tag(hashes[i]);
      std::size_t at = home(hashes[i]);
      for (std::size_t probes = 1; slots_[at] != 0; ++probes) {
        if ((slots_[at] & ~number_mask_) == mark &&
            names[(slots_[at] & number_mask_) - 1] == names[number]) {
          duplicate = number;
          return Outcome::duplicate;
        }
        if (probes == max_probes) return Outcome::crowded;
        if (++at == slots_.size()) at = 0;
      }
      slots_[at] = mark | (number + 1);
    }
  }
  return Outcome::done;
}

std::optional<std::uint32_t> NameIndex::build(const NameTable& names) {
  slots_ = {};
  if (names.count == 0) return std::nullopt;
  const std::size_t slots = names.count + names.count / 2 + names.count / 8 + 4;
  slots_ = FlatArray<std::uint32_t>::uninitialized(slots);
  number_mask_ = static_cast<std::uint32_t>(std::bit_ceil(names.count + 1) - 1);
  // Long probe sequences mean bad luck or an attack; another seed ends both. The last round has no
  // limit, so that the answer is right in any case.
  constexpr std::size_t max_probes = 256;
  constexpr int rounds = 4;
  for (int round = 1;; ++round) {
    seed_ = fresh_seed();
    std::uint32_t duplicate = 0;
    const auto limit = round < rounds ? max_probes : std::numeric_limits<std::size_t>::max();
    switch (fill(names, limit, duplicate)) {
      case Outcome::done:
        return std::nullopt;
      case Outcome::duplicate:
        return duplicate;
      case Outcome::crowded:
        break;
    }
  }
}

std::optional<std::uint32_t> NameIndex::find(const NameTable& names,
                                             std::string_view name) const noexcept {
  if (slots_.empty()) return std::nullopt;
  const std::uint64_t hashed = hash(name, seed_);
  const std::uint32_t mark = tag(hashed);
  for (std::size_t at = home(hashed); slots_[at] != 0;) {
    const std::uint32_t number = (slots_[at] & number_mask_) - 1;
    if ((slots_[at] & ~number_mask_) == mark && names[number] == name) return number;
    if (++at == slots_.size()) at = 0;
  }
  return std::nullopt;
}

}  // namespace tensorhold::format
