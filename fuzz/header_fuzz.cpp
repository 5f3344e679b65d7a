// Any bytes as a header: the fast path and the general parser must be of one opinion, and what is
// accepted must be JSON in the eyes of simdjson too.
#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "check.hpp"
#include "format/json/utf8.hpp"
#include "format/parse/canonical.hpp"
#include "format/parse/general.hpp"
#include "format/parse/parse.hpp"
#include "tensorhold/error.hpp"

namespace {

namespace format = tensorhold::format;
using tensorhold::Code;
using tensorhold::Error;
using tensorhold::fuzz::check;

struct Outcome {
  std::optional<format::Header> header;
  std::optional<Error> error;
};

template <class Parse>
Outcome outcome_of(const Parse& parse) {
  Outcome outcome;
  try {
    outcome.header = parse();
  } catch (const Error& error) {
    outcome.error = error;
  }
  return outcome;
}

void check_fails(std::string_view text, std::uint64_t data_bytes, Code code, const char* what) {
  const auto outcome = outcome_of(
      [&] { return format::parse(text, format::prefix_bytes + text.size() + data_bytes, {}); });
  check(outcome.error && outcome.error->code() == code, what);
}

/// Numbers that do not fit are the only JSON on which simdjson and we differ, in both directions;
/// beyond that we refuse deep nesting, other values than an object, and half surrogates.
void compare_with_simdjson(std::string_view text, const Outcome& ours) {
  static simdjson::dom::parser parser;
  const simdjson::padded_string padded(text);
  simdjson::dom::element element;
  const auto code = parser.parse(padded).get(element);
  if (ours.header) {
    check(code == simdjson::SUCCESS || code == simdjson::NUMBER_ERROR, "what is accepted is JSON");
  } else if (ours.error->code() == Code::invalid_json && code == simdjson::SUCCESS) {
    const std::string& reason = ours.error->reason();
    bool known = false;
    for (const auto* part : {"nested", "range", "not an object", "surrogate"})
      known = known || reason.find(part) != std::string::npos;
    check(known, "what is called broken JSON is broken");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::uint64_t ample = std::uint64_t{1} << 62;
  const bool utf8 = simdjson::validate_utf8(text.data(), text.size());
  check(utf8 == (format::utf8_prefix(text) == text.size()), "both judge UTF-8 alike");
  if (!utf8) {
    check_fails(text, 0, Code::invalid_utf8, "what is not UTF-8 is refused");
    return 0;
  }
  const format::ParseOptions lenient{.lenient = true};
  const Outcome general = outcome_of([&] { return format::parse_general(text, ample, lenient); });
  const auto fast = format::parse_canonical(text, ample, lenient);
  check(!fast || general.header, "the fast path accepts nothing that the other refuses");
  check(!fast || tensorhold::fuzz::equal(*fast, *general.header), "both parsers read the same");
  compare_with_simdjson(text, general);
  if (general.error) {
    check(general.error->offset().has_value(), "an error says where");
    return 0;
  }
  tensorhold::fuzz::check_sound(*general.header);
  const std::uint64_t bytes = general.header->data_bytes();
  if (bytes > ample / 2) return 0;
  const Outcome exact =
      outcome_of([&] { return format::parse(text, format::prefix_bytes + size + bytes, {}); });
  if (exact.error) {
    check(exact.error->code() == Code::invalid_metadata,
          "besides bytes at the end, leniency is about metadata that is no text");
    return 0;
  }
  check(tensorhold::fuzz::equal(*exact.header, *general.header), "the exact file reads the same");
  check_fails(text, bytes + 1, Code::trailing_bytes, "a byte more is refused");
  if (bytes > 0) check_fails(text, bytes - 1, Code::data_truncated, "a byte less is refused");
  return 0;
}
