#include "os/rights/rights_posix.hpp"

#include <algorithm>

namespace tensorhold::os {
namespace {

// As <linux/posix_acl_xattr.h> and <linux/posix_acl.h> have it; little-endian everywhere.
constexpr std::uint32_t version = 2;
constexpr std::size_t head_bytes = 4;
constexpr std::size_t entry_bytes = 8;
constexpr std::uint16_t tag_owner = 0x01;
constexpr std::uint16_t tag_user = 0x02;
constexpr std::uint16_t tag_group_owner = 0x04;
constexpr std::uint16_t tag_group = 0x08;
constexpr std::uint16_t tag_mask = 0x10;
constexpr std::uint16_t tag_others = 0x20;
constexpr std::uint32_t no_id = 0xFFFF'FFFF;
constexpr std::uint16_t all_bits = 7;

std::uint32_t load(std::span<const std::byte> bytes, std::size_t at, unsigned count) noexcept {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < count; ++i)
    value |= std::to_integer<std::uint32_t>(bytes[at + i]) << (8 * i);
  return value;
}

void store(std::vector<std::byte>& bytes, std::uint32_t value, unsigned count) {
  for (unsigned i = 0; i < count; ++i)
    bytes.push_back(static_cast<std::byte>(value >> (8 * i) & 0xFFU));
}

constexpr std::uint16_t both(unsigned a, unsigned b) noexcept {
  return static_cast<std::uint16_t>(a & b);
}

}  // namespace

Rights::Rights(mode_t mode, std::span<const std::byte> list)
    : owner_(both(mode >> 6U, all_bits)),
      group_(both(mode >> 3U, all_bits)),
      others_(both(mode, all_bits)) {
  if (list.empty() || read(list)) return;
  group_ = others_ = 0;
  mask_.reset();
  named_.clear();
}

bool Rights::read(std::span<const std::byte> list) {
  if (list.size() < head_bytes || (list.size() - head_bytes) % entry_bytes != 0 ||
      load(list, 0, 4) != version)
    return false;
  for (std::size_t at = head_bytes; at < list.size(); at += entry_bytes) {
    const Named entry{.tag = static_cast<std::uint16_t>(load(list, at, 2)),
                      .bits = both(load(list, at + 2, 2), all_bits),
                      .id = load(list, at + 4, 4)};
    switch (entry.tag) {
      case tag_owner:
        owner_ = entry.bits;
        break;
      case tag_group_owner:
        group_ = entry.bits;
        break;
      case tag_others:
        others_ = entry.bits;
        break;
      case tag_mask:
        mask_ = entry.bits;
        break;
      case tag_user:
      case tag_group:
        named_.push_back(entry);
        break;
      default:
        return false;
    }
  }
  return mask_.has_value() || named_.empty();
}

void Rights::lose_owner(uid_t old) noexcept {
  group_ = both(group_, owner_);
  others_ = both(others_, owner_);
  for (Named& named : named_)
    if (named.tag == tag_group || named.id == old) named.bits = both(named.bits, owner_);
}

void Rights::lose_group() noexcept {
  const std::uint16_t was = both(group_, mask_.value_or(all_bits));
  group_ = both(was, others_);
  // Who is of the new group and of a named one had the rights of the latter alone.
  for (const Named& named : named_)
    if (named.tag == tag_group) group_ = both(group_, named.bits);
  others_ = both(others_, was);
}

void Rights::lose_list() noexcept {
  const std::uint16_t mask = mask_.value_or(all_bits);
  group_ = both(group_, mask);
  for (const Named& named : named_) {
    group_ = both(group_, both(named.bits, mask));
    others_ = both(others_, both(named.bits, mask));
  }
  mask_.reset();
  named_.clear();
}

mode_t Rights::mode() const noexcept {
  return static_cast<mode_t>(owner_ << 6U | mask_.value_or(group_) << 3U | others_);
}

std::vector<std::byte> Rights::list() const {
  std::vector<std::byte> bytes;
  if (!mask_) return bytes;
  std::vector<Named> entries{{tag_owner, owner_, no_id},
                             {tag_group_owner, group_, no_id},
                             {tag_mask, *mask_, no_id},
                             {tag_others, others_, no_id}};
  entries.insert(entries.end(), named_.begin(), named_.end());
  // The kernel wants them by tag.
  std::ranges::stable_sort(entries, {}, &Named::tag);
  store(bytes, version, 4);
  for (const Named& entry : entries) {
    store(bytes, entry.tag, 2);
    store(bytes, entry.bits, 2);
    store(bytes, entry.id, 4);
  }
  return bytes;
}

}  // namespace tensorhold::os
