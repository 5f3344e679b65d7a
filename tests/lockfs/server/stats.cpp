#include "lockfs/server/stats.hpp"

#include <array>
#include <cstdio>
#include <utility>

namespace tensorhold::lockfs {
namespace {

using Member = std::pair<const char*, std::atomic<std::uint64_t> Counters::*>;
constexpr std::array<Member, 7> kMembers{{{"held", &Counters::held},
                                          {"closed", &Counters::closed},
                                          {"opens", &Counters::opens},
                                          {"reads", &Counters::reads},
                                          {"bytes_read", &Counters::bytes_read},
                                          {"writes", &Counters::writes},
                                          {"bytes_written", &Counters::bytes_written}}};

constexpr std::size_t kGauges = 2;  // the first members tell what is, the others what was

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c));
      out += escape.data();
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string members(const Counters& counters) {
  std::string out;
  for (const auto& [name, member] : kMembers) {
    if (!out.empty()) out += ", ";
    out += quoted(name) + ": " + std::to_string((counters.*member).load());
  }
  return out;
}

}  // namespace

std::shared_ptr<Counters> Stats::of(const std::string& name) {
  const std::lock_guard lock(mutex_);
  auto& counters = files_[name];
  if (!counters) counters = std::make_shared<Counters>();
  return counters;
}

std::string Stats::json() const {
  const std::lock_guard lock(mutex_);
  Counters all;
  std::string files;
  for (const auto& [name, counters] : files_) {
    for (const auto& [unused, member] : kMembers) all.*member += (*counters.*member).load();
    if (!files.empty()) files += ",";
    files += "\n  " + quoted(name) + ": {" + members(*counters) + "}";
  }
  return "{" + members(all) + ", \"files\": {" + files + "}}\n";
}

void Stats::reset() {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, counters] : files_)
    for (std::size_t i = kGauges; i < kMembers.size(); ++i) *counters.*kMembers[i].second = 0;
}

}  // namespace tensorhold::lockfs
