// Numbers and names of error codes are frozen: programs and other languages store them.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string_view>

#include "tensorhold/error.hpp"

namespace tensorhold {
namespace {

struct Frozen {
  Code code;
  std::int32_t number;
  std::string_view name;
};

// Append new codes here; never change or remove a row.
constexpr std::array<Frozen, 52> frozen{{
    {Code::invalid_argument, 1, "invalid_argument"},
    {Code::out_of_memory, 2, "out_of_memory"},
    {Code::cancelled, 3, "cancelled"},
    {Code::unsupported, 4, "unsupported"},
    {Code::io_error, 100, "io_error"},
    {Code::not_found, 101, "not_found"},
    {Code::permission_denied, 102, "permission_denied"},
    {Code::not_a_file, 103, "not_a_file"},
    {Code::no_space, 104, "no_space"},
    {Code::file_in_use, 105, "file_in_use"},
    {Code::cannot_map, 106, "cannot_map"},
    {Code::unexpected_end, 107, "unexpected_end"},
    {Code::not_durable, 108, "not_durable"},
    {Code::too_many_open, 109, "too_many_open"},
    {Code::already_exists, 110, "already_exists"},
    {Code::not_safetensors, 200, "not_safetensors"},
    {Code::header_too_small, 201, "header_too_small"},
    {Code::header_too_large, 202, "header_too_large"},
    {Code::header_truncated, 203, "header_truncated"},
    {Code::invalid_utf8, 204, "invalid_utf8"},
    {Code::invalid_json, 205, "invalid_json"},
    {Code::duplicate_name, 206, "duplicate_name"},
    {Code::invalid_metadata, 207, "invalid_metadata"},
    {Code::invalid_entry, 208, "invalid_entry"},
    {Code::unknown_dtype, 209, "unknown_dtype"},
    {Code::shape_overflow, 210, "shape_overflow"},
    {Code::size_mismatch, 211, "size_mismatch"},
    {Code::partial_byte, 212, "partial_byte"},
    {Code::invalid_offsets, 213, "invalid_offsets"},
    {Code::data_truncated, 214, "data_truncated"},
    {Code::trailing_bytes, 215, "trailing_bytes"},
    {Code::sharded_model, 216, "sharded_model"},
    {Code::tensor_not_found, 300, "tensor_not_found"},
    {Code::dtype_mismatch, 301, "dtype_mismatch"},
    {Code::misaligned, 302, "misaligned"},
    {Code::swapped_bytes, 303, "swapped_bytes"},
    {Code::invalid_slice, 304, "invalid_slice"},
    {Code::not_contiguous, 305, "not_contiguous"},
    {Code::size_differs, 306, "size_differs"},
    {Code::already_written, 307, "already_written"},
    {Code::incomplete, 308, "incomplete"},
    {Code::closed, 400, "closed"},
    {Code::released, 401, "released"},
    {Code::release_unsupported, 402, "release_unsupported"},
    {Code::release_refused, 403, "release_refused"},
    {Code::memory_limit, 404, "memory_limit"},
    {Code::replaced, 405, "replaced"},
    {Code::modified, 406, "modified"},
    {Code::truncated, 407, "truncated"},
    {Code::damaged, 408, "damaged"},
    {Code::lock_conflict, 409, "lock_conflict"},
    {Code::release_partial, 410, "release_partial"},
}};

TEST(Code, NumbersAndNamesAreFrozen) {
  for (const Frozen& row : frozen) {
    EXPECT_EQ(static_cast<std::int32_t>(row.code), row.number) << row.name;
    EXPECT_EQ(to_string(row.code), row.name);
  }
}

TEST(Code, NoCodeIsMissingFromTheFrozenList) {
  std::size_t named = 0;
  for (std::int32_t number = -10; number < 1000; ++number)
    if (to_string(static_cast<Code>(number)) != "unknown") ++named;
  EXPECT_EQ(named, frozen.size());
}

}  // namespace
}  // namespace tensorhold
