#include "format/parse/parse.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "format/json/utf8.hpp"
#include "format/parse/canonical.hpp"
#include "format/parse/general.hpp"
#include "format/parse/sniff.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::format {
namespace {

/// Positions in a header are kept in 32 bits.
constexpr std::uint64_t largest_header = std::numeric_limits<std::uint32_t>::max();

std::uint64_t limit_of(const ParseOptions& options) noexcept {
  return std::min(options.header_limit, largest_header);
}

[[noreturn]] void refuse(const ParseOptions& options, Code code, std::string reason,
                         std::string advice, std::optional<std::uint64_t> offset = 0) {
  raise(Error({.code = code,
               .reason = std::move(reason),
               .advice = std::move(advice),
               .path = options.path,
               .offset = offset}));
}

[[noreturn]] void refuse_too_large(const ParseOptions& options, std::uint64_t bytes) {
  refuse(options, Code::header_too_large,
         "the header has " + std::to_string(bytes) + " bytes, the limit is " +
             std::to_string(limit_of(options)),
         bytes <= largest_header ? "If the file is trusted, raise the option header_limit"
                                 : "Headers of 4 GiB and more are not supported");
}

bool begins_as_header(std::span<const std::byte> first) noexcept {
  if (first.size() <= prefix_bytes) return false;
  constexpr std::string_view starts = "{ \n\r\t";
  return starts.find(static_cast<char>(first[prefix_bytes])) != std::string_view::npos;
}

}  // namespace

std::uint64_t check_length(std::span<const std::byte> first, std::uint64_t file_bytes,
                           const ParseOptions& options) {
  if (first.size() < prefix_bytes) {
    auto what = sniff(first, file_bytes);
    if (what && file_bytes == 0) refuse(options, what->code, what->reason, what->advice);
    refuse(options, Code::header_too_small,
           "the file has " + std::to_string(file_bytes) + " bytes, fewer than its first field",
           "The file is cut short: download or copy it again");
  }
  std::uint64_t length = 0;
  for (std::size_t i = prefix_bytes; i-- > 0;)
    length = length << 8 | std::to_integer<std::uint64_t>(first[i]);
  const bool inside = length <= file_bytes - prefix_bytes;
  // A header that begins as one is believed; any other file may be something else, even where its
  // first bytes happen to be a possible length.
  const bool plausible = begins_as_header(first) && length >> 40 == 0;
  if (!plausible)
    if (auto what = sniff(first, file_bytes))
      refuse(options, what->code, what->reason, what->advice);
  if (inside && length <= limit_of(options) && length != 0) return length;
  if (length == 0)
    refuse(options, Code::invalid_json, "the header is empty",
           "The file breaks the format: download it again, or write it again");
  if (length > limit_of(options) && (inside || !plausible)) refuse_too_large(options, length);
  refuse(options, Code::header_truncated,
         "the header has " + std::to_string(length) + " bytes, the file only " +
             std::to_string(file_bytes - prefix_bytes) + " after the first 8",
         "The file is cut short: download or copy it again");
}

Header parse(std::string_view header, std::uint64_t file_bytes, const ParseOptions& options) {
  if (header.size() > limit_of(options)) refuse_too_large(options, header.size());
  if (file_bytes < prefix_bytes || file_bytes - prefix_bytes < header.size())
    refuse(options, Code::header_truncated,
           "the header ends beyond the " + std::to_string(file_bytes) + " bytes of the file",
           "The file is cut short: download or copy it again", file_bytes);
  if (const std::size_t whole = utf8_prefix(header); whole != header.size())
    refuse(options, Code::invalid_utf8, "the header is not UTF-8",
           "The file is damaged or not safetensors: download it again", prefix_bytes + whole);
  if (auto parsed = parse_canonical(header, file_bytes, options)) return std::move(*parsed);
  return parse_general(header, file_bytes, options);
}

}  // namespace tensorhold::format
