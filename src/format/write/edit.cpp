#include "format/write/edit.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "format/json/emit.hpp"
#include "format/json/utf8.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::format {
namespace {

void check(const MetadataPairs& set, const std::string& path) {
  std::unordered_set<std::string_view> seen;
  for (const auto& [key, value] : set) {
    for (const std::string* text : {&key, &value})
      if (!is_utf8(*text))
        throw Error({.code = Code::invalid_utf8,
                     .reason = "a key or value of the metadata is not UTF-8",
                     .advice = "Convert metadata to UTF-8 before the edit.",
                     .path = path});
    if (!seen.insert(key).second)
      throw Error({.code = Code::duplicate_name,
                   .reason = "the key \"" + key + "\" is set twice",
                   .advice = "Give each key once.",
                   .path = path});
  }
}

}  // namespace

MetadataPairs edit_metadata(const Header& base, const MetadataPairs& set,
                            const std::vector<std::string>& remove, const std::string& path) {
  check(set, path);
  const std::unordered_set<std::string_view> removed(remove.begin(), remove.end());
  std::unordered_map<std::string_view, const std::string*> values;
  for (const auto& [key, value] : set) values.emplace(key, &value);
  MetadataPairs edited;
  for (const auto& [key, value] : base.metadata()) {
    if (const auto found = values.find(key); found != values.end()) {
      edited.emplace_back(key, *found->second);
      values.erase(found);
    } else if (!removed.contains(key)) {
      edited.emplace_back(key, value);
    }
  }
  for (const auto& [key, value] : set)
    if (values.contains(key)) edited.emplace_back(key, value);
  return edited;
}

std::string header_text(const Header& base, const MetadataPairs* metadata) {
  std::string out = "{";
  if (metadata != nullptr) {
    out += "\"__metadata__\":{";
    for (const auto& [key, value] : *metadata) {
      if (out.back() != '{') out += ',';
      append_json_string(out, key);
      out += ':';
      append_json_string(out, value);
    }
    out += '}';
  }
  for (std::size_t i = 0; i < base.size(); ++i) {
    if (out.back() != '{') out += ',';
    append_entry(out, base.name(i), base.dtype(i), base.shape(i), base.begin(i), base.end(i));
  }
  out += '}';
  return out;
}

}  // namespace tensorhold::format
