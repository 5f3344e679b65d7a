#include "report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <map>

namespace tensorhold::soak {
namespace {

constexpr std::size_t width = 80;

using Count = std::function<std::uint64_t(const Board&)>;

std::uint64_t sum(const std::vector<Outcome>& outcomes, const Count& count) {
  std::uint64_t all = 0;
  for (const Outcome& one : outcomes) all += count(*one.board);
  return all;
}

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string line(const std::string& left, const std::string& right) {
  return "  " + left + std::string(left.size() < 22 ? 22 - left.size() : 1, ' ') +
         std::string(right.size() < 18 ? 18 - right.size() : 0, ' ') + right + "\n";
}

/// Long texts as paragraphs of at most 80 columns.
std::string wrapped(const std::string& text, const std::string& indent) {
  std::string out = indent;
  std::size_t column = indent.size();
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t end = text.find(' ', at);
    if (end == std::string::npos) end = text.size();
    const std::string word = text.substr(at, end - at);
    if (column + word.size() + 1 > width && column > indent.size()) {
      out += "\n" + indent;
      column = indent.size();
    }
    if (column > indent.size()) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    at = end + 1;
  }
  return out + "\n";
}

/// Findings that differ in numbers alone are one.
std::string kind_of(const Finding& finding) {
  std::string text = std::string(to_string(finding.bad)) + " ";
  const std::string all = finding.text.data();
  for (const char c : all.substr(0, all.find(" [worker")))
    if ((c < '0' || c > '9') && (c < 'a' || c > 'f' || text.back() != '#')) text += c;
  return text.substr(0, 160);
}

struct Group {
  const Finding* first = nullptr;
  std::uint64_t count = 0;
};

std::vector<Group> groups(const std::vector<Outcome>& outcomes) {
  std::map<std::string, Group> all;
  for (const Outcome& one : outcomes)
    for (const Finding& finding : one.board->findings) {
      if (!finding.ready) continue;
      Group& group = all[kind_of(finding)];
      if (group.first == nullptr) group.first = &finding;
      ++group.count;
    }
  std::vector<Group> list;
  for (const auto& [kind, group] : all) list.push_back(group);
  std::ranges::sort(list, std::greater<>(), &Group::count);
  return list;
}

std::uint64_t bad(const Board& board, Bad kind) {
  return board.bad.at(static_cast<std::size_t>(kind));
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      std::array<char, 8> escaped{};
      (void)std::snprintf(escaped.data(), escaped.size(), "\\u%04x", static_cast<unsigned>(c));
      out += escaped.data();
    } else {
      out += c;
    }
  }
  return out + "\"";
}

template <class Each>
void for_errors(const Board& board, Each each) {
  for (std::size_t code = 0; code < board.errors.size(); ++code)
    if (board.errors.at(code) != 0)
      each(std::string(tensorhold::to_string(static_cast<Code>(code))),
           board.errors.at(code).load());
}

std::string json_of(const Outcome& one) {
  const Board& board = *one.board;
  std::string text = "{\"place\": " + quoted(one.place) +
                     ", \"seconds\": " + std::to_string(one.seconds) + ", \"operations\": {";
  std::string comma;
  for (std::size_t i = 0; i < op_count; ++i, comma = ", ")
    text += comma + quoted(std::string(to_string(static_cast<Op>(i)))) + ": " +
            std::to_string(board.ops.at(i));
  text += "}, \"expected_errors\": {";
  comma.clear();
  for_errors(board, [&](const std::string& name, std::uint64_t count) {
    text += comma + quoted(name) + ": " + std::to_string(count);
    comma = ", ";
  });
  text += "}, \"bytes_checked\": " + std::to_string(board.bytes) +
          ", \"files_checked\": " + std::to_string(board.files) +
          ", \"kills\": " + std::to_string(board.kills) +
          ", \"stops\": " + std::to_string(board.stops) +
          ", \"forks\": " + std::to_string(board.forks);
  for (std::size_t i = 0; i < bad_count; ++i)
    text += ", " + quoted(std::string(to_string(static_cast<Bad>(i)))) + ": " +
            std::to_string(board.bad.at(i));
  return text + "}";
}

}  // namespace

std::string table(const std::vector<Outcome>& outcomes, std::uint64_t seed) {
  std::string text = "operations\n";
  for (std::size_t i = 0; i < op_count; ++i)
    text +=
        line(std::string(to_string(static_cast<Op>(i))),
             grouped(sum(outcomes, [i](const Board& board) { return board.ops.at(i).load(); })));
  text += "in all\n";
  text += line("operations", grouped(sum(outcomes, [](const Board& b) { return b.all_ops(); })));
  text +=
      line("bytes checked", grouped(sum(outcomes, [](const Board& b) { return b.bytes.load(); })));
  text +=
      line("files checked", grouped(sum(outcomes, [](const Board& b) { return b.files.load(); })));
  text += line("kills", grouped(sum(outcomes, [](const Board& b) { return b.kills.load(); })));
  text += line("stops", grouped(sum(outcomes, [](const Board& b) { return b.stops.load(); })));
  text += line("forks", grouped(sum(outcomes, [](const Board& b) { return b.forks.load(); })));
  text += "errors that are allowed\n";
  std::map<std::string, std::uint64_t> errors;
  for (const Outcome& one : outcomes)
    for_errors(*one.board, [&](const std::string& name, std::uint64_t n) { errors[name] += n; });
  for (const auto& [name, count] : errors) text += line(name, grouped(count));
  text += "places                    operations    wrong     lost    hangs  unexplained\n";
  for (const Outcome& one : outcomes) {
    std::array<char, 128> row{};
    const Board& b = *one.board;
    (void)std::snprintf(row.data(), row.size(), "  %-18.18s %15s %8llu %8llu %8llu %12llu\n",
                        one.place.c_str(), grouped(b.all_ops()).c_str(),
                        static_cast<unsigned long long>(bad(b, Bad::wrong)),
                        static_cast<unsigned long long>(bad(b, Bad::lost)),
                        static_cast<unsigned long long>(bad(b, Bad::hang)),
                        static_cast<unsigned long long>(bad(b, Bad::unexplained)));
    text += row.data();
  }
  const std::vector<Group> found = groups(outcomes);
  if (!found.empty()) text += "found\n";
  for (const Group& group : found)
    text += wrapped(std::to_string(group.count) + " x " + std::string(to_string(group.first->bad)) +
                        ": " + group.first->text.data(),
                    "  ");
  const auto all = [&](Bad kind) {
    return std::to_string(sum(outcomes, [kind](const Board& b) { return bad(b, kind); }));
  };
  return text + "seed " + std::to_string(seed) + ": wrong " + all(Bad::wrong) + ", lost " +
         all(Bad::lost) + ", hangs " + all(Bad::hang) + ", unexplained " + all(Bad::unexplained) +
         "\n";
}

std::string json(const std::vector<Outcome>& outcomes, std::uint64_t seed) {
  std::string text = "{\"seed\": " + std::to_string(seed) + ", \"places\": [";
  std::string comma;
  for (const Outcome& one : outcomes) {
    text += comma + json_of(one);
    comma = ", ";
  }
  text += "], \"found\": [";
  comma.clear();
  for (const Group& group : groups(outcomes)) {
    text += comma + "{\"kind\": " + quoted(std::string(to_string(group.first->bad))) +
            ", \"count\": " + std::to_string(group.count) +
            ", \"first\": " + quoted(group.first->text.data()) + "}";
    comma = ", ";
  }
  return text + "]}\n";
}

}  // namespace tensorhold::soak
