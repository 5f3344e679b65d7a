// Short ways to parse a header and to look at what went wrong.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "format/parse/canonical.hpp"
#include "format/parse/general.hpp"
#include "format/parse/parse.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::format::test {

/// The error that `call` raises; a test failure when it raises none.
template <class Call>
std::optional<Error> error_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return std::nullopt;
}

inline Header parse_with(std::string_view header, std::uint64_t data_bytes, bool lenient = false) {
  return parse(header, prefix_bytes + header.size() + data_bytes,
               {.lenient = lenient, .path = "some/file"});
}

/// Checks code, tensor and the byte in the file. `at`: position in the header, or nothing.
inline void expect_error(std::string_view header, std::uint64_t data_bytes, Code code,
                         std::string_view tensor, std::optional<std::uint64_t> at) {
  SCOPED_TRACE(header);
  const auto error = error_of([&] { (void)parse_with(header, data_bytes); });
  if (!error) return;
  EXPECT_EQ(to_string(error->code()), to_string(code)) << error->what();
  EXPECT_EQ(error->tensor(), tensor) << error->what();
  EXPECT_EQ(error->offset(), at ? std::optional(prefix_bytes + *at) : std::nullopt)
      << error->what();
  EXPECT_EQ(error->path(), "some/file");
  EXPECT_FALSE(error->reason().empty());
  EXPECT_FALSE(error->advice().empty());
}

/// The same, at the first place in the header where `mark` stands.
inline void expect_error_at(std::string_view header, std::uint64_t data_bytes, Code code,
                            std::string_view tensor, std::string_view mark) {
  const auto at = header.find(mark);
  ASSERT_NE(at, std::string_view::npos) << mark << " in " << header;
  expect_error(header, data_bytes, code, tensor, at);
}

inline void expect_good(std::string_view header, std::uint64_t data_bytes) {
  SCOPED_TRACE(header);
  EXPECT_NO_THROW((void)parse_with(header, data_bytes));
}

/// One entry.
inline std::string entry(const std::string& name, const std::string& dtype,
                         const std::string& shape, const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":[" + shape +
         "],\"data_offsets\":[" + offsets + "]}";
}

}  // namespace tensorhold::format::test
