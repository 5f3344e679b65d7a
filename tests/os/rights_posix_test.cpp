// What is left of rights where owner, group or access control list cannot be kept: nobody gains.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "os/rights/rights_posix.hpp"

namespace tensorhold::os {
namespace {

struct Entry {
  unsigned tag;
  unsigned bits;
  std::uint32_t id;
};

constexpr std::uint32_t no_id = 0xFFFF'FFFF;
constexpr unsigned owner = 1, user = 2, group_owner = 4, group = 8, mask = 16, others = 32;

std::vector<std::byte> list_of(const std::vector<Entry>& entries) {
  std::vector<std::byte> bytes{std::byte{2}, {}, {}, {}};
  for (const Entry& entry : entries) {
    for (const unsigned value : {entry.tag, entry.bits}) {
      bytes.push_back(static_cast<std::byte>(value));
      bytes.push_back(std::byte{0});
    }
    for (unsigned i = 0; i < 4; ++i)
      bytes.push_back(static_cast<std::byte>(entry.id >> (8 * i) & 0xFFU));
  }
  return bytes;
}

TEST(Rights, OfAListAreWrittenAsTheyWereRead) {
  const auto list = list_of({{owner, 6, no_id},
                             {user, 6, 1001},
                             {group_owner, 0, no_id},
                             {group, 4, 2001},
                             {mask, 6, no_id},
                             {others, 0, no_id}});
  const Rights rights(0660, list);
  EXPECT_TRUE(rights.has_list());
  EXPECT_EQ(rights.mode(), 0660U);
  EXPECT_EQ(rights.list(), list);
  EXPECT_TRUE(Rights(0640, {}).list().empty());
}

TEST(Rights, WithoutTheListTheMaskGivesTheGroupNothing) {
  Rights rights(0660, list_of({{owner, 6, no_id},
                               {user, 6, 1001},
                               {group_owner, 0, no_id},
                               {mask, 6, no_id},
                               {others, 0, no_id}}));
  rights.lose_list();
  EXPECT_FALSE(rights.has_list());
  EXPECT_EQ(rights.mode(), 0600U);
}

TEST(Rights, WhomAListKeepsOutIsNotOneOfTheOthersWithoutIt) {
  Rights rights(0664, list_of({{owner, 6, no_id},
                               {user, 0, 1001},
                               {group_owner, 6, no_id},
                               {mask, 6, no_id},
                               {others, 4, no_id}}));
  rights.lose_list();
  EXPECT_EQ(rights.mode(), 0600U);
}

TEST(Rights, OfALostGroupAreThoseThatTheOthersHadToo) {
  for (const auto& [before, after] : {std::pair(0640U, 0600U), std::pair(0674U, 0644U),
                                      std::pair(0604U, 0600U), std::pair(0666U, 0666U)}) {
    Rights rights(before, {});
    rights.lose_group();
    EXPECT_EQ(rights.mode(), after) << std::oct << before;
  }
}

TEST(Rights, OfALostOwnerBoundThoseOfAll) {
  for (const auto& [before, after] :
       {std::pair(0644U, 0644U), std::pair(0066U, 0000U), std::pair(0466U, 0444U)}) {
    Rights rights(before, {});
    rights.lose_owner(1000);
    EXPECT_EQ(rights.mode(), after) << std::oct << before;
  }
}

TEST(Rights, ListsThatAreNotUnderstoodLeaveTheOwnerAlone) {
  std::vector<std::byte> odd = list_of({{owner, 6, no_id}, {128, 7, 5}});
  EXPECT_EQ(Rights(0664, odd).mode(), 0600U);
  odd.pop_back();
  EXPECT_EQ(Rights(0664, odd).mode(), 0600U);
  odd.resize(3);
  EXPECT_EQ(Rights(0664, odd).mode(), 0600U);
}

/// What the system lets a user do, by the rules of acl(5).
struct Person {
  std::uint32_t id;
  std::vector<std::uint32_t> groups;
};

unsigned allowed(const std::vector<Entry>& list, const Person& person, std::uint32_t owner_id,
                 std::uint32_t group_id, unsigned bit) {
  const auto bits = [&](unsigned tag) -> std::optional<unsigned> {
    const auto found = std::ranges::find(list, tag, &Entry::tag);
    return found == list.end() ? std::nullopt : std::optional(found->bits);
  };
  const unsigned masked = bits(mask).value_or(7);
  if (person.id == owner_id) return *bits(owner) & bit;
  for (const Entry& entry : list)
    if (entry.tag == user && entry.id == person.id) return entry.bits & masked & bit;
  bool member = false;
  for (const Entry& entry : list) {
    const std::uint32_t id = entry.tag == group_owner ? group_id : entry.id;
    if ((entry.tag != group_owner && entry.tag != group) ||
        std::ranges::find(person.groups, id) == person.groups.end())
      continue;
    member = true;
    if ((entry.bits & masked & bit) != 0) return bit;
  }
  return member ? 0 : *bits(others) & bit;
}

std::vector<Entry> entries_of(const Rights& rights) {
  if (!rights.has_list())
    return {{owner, rights.mode() >> 6U & 7U, no_id},
            {group_owner, rights.mode() >> 3U & 7U, no_id},
            {others, rights.mode() & 7U, no_id}};
  std::vector<Entry> entries;
  const std::vector<std::byte> list = rights.list();
  for (std::size_t at = 4; at < list.size(); at += 8) {
    std::uint32_t id = 0;
    for (unsigned i = 0; i < 4; ++i)
      id |= std::to_integer<std::uint32_t>(list[at + 4 + i]) << (8 * i);
    entries.push_back(
        {std::to_integer<unsigned>(list[at]), std::to_integer<unsigned>(list[at + 2]), id});
  }
  return entries;
}

// All lists with one named user and one named group, over one bit, for everybody that there can be.
TEST(Rights, NobodyGainsWhateverCannotBeKept) {
  constexpr std::uint32_t old_owner = 1, new_owner = 2, old_group = 11, new_group = 12;
  constexpr unsigned bit = 4;
  for (unsigned choice = 0; choice < 64 * 9; ++choice) {
    const auto has = [choice](unsigned i) { return (choice >> i & 1U) * bit; };
    const std::uint32_t named_user = choice / 64 % 3 == 0 ? old_owner : 3;
    const std::uint32_t named_group = choice / 64 / 3 == 0 ? new_group : 13;
    const std::vector<Entry> before{{owner, has(0), no_id},       {user, has(1), named_user},
                                    {group_owner, has(2), no_id}, {group, has(3), named_group},
                                    {mask, has(4), no_id},        {others, has(5), no_id}};
    for (unsigned lost = 0; lost < 8; ++lost) {
      Rights rights(0, list_of(before));
      if ((lost & 1U) != 0) rights.lose_owner(old_owner);
      if ((lost & 2U) != 0) rights.lose_group();
      if ((lost & 4U) != 0) rights.lose_list();
      const std::vector<Entry> after = entries_of(rights);
      for (const std::uint32_t id : {old_owner, 3U, 4U})
        for (unsigned groups = 0; groups < 8; ++groups) {
          Person person{.id = id, .groups = {}};
          for (unsigned i = 0; i < 3; ++i)
            if ((groups >> i & 1U) != 0) person.groups.push_back(old_group + i);
          const unsigned had = allowed(before, person, old_owner, old_group, bit);
          const unsigned has_now = allowed(after, person, (lost & 1U) != 0 ? new_owner : old_owner,
                                           (lost & 2U) != 0 ? new_group : old_group, bit);
          ASSERT_LE(has_now, had) << "choice " << choice << " lost " << lost << " user " << id
                                  << " groups " << groups;
        }
    }
  }
}

}  // namespace
}  // namespace tensorhold::os
