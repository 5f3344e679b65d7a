#include "tensorhold/error.hpp"

#include <gtest/gtest.h>

#include <new>
#include <string>

#include "base/boundary.hpp"

namespace tensorhold {
namespace {

TEST(Error, SaysFileTensorByteReasonCodeAndAdvice) {
  const Error error({.code = Code::size_mismatch,
                     .reason = "4 bytes where 8 are needed",
                     .advice = "Write it again.",
                     .path = "m.safetensors",
                     .tensor = "w",
                     .offset = 17});
  EXPECT_STREQ(error.what(),
               "m.safetensors: tensor \"w\": byte 17: 4 bytes where 8 are needed (size_mismatch). "
               "Write it again.");
}

TEST(Error, LeavesOutWhatDoesNotApply) {
  EXPECT_STREQ(Error({.code = Code::cancelled, .reason = "stopped"}).what(), "stopped (cancelled)");
}

TEST(Error, CarriesTheSystemsError) {
  const Error error({.code = Code::io_error, .reason = "cannot read", .os_error = 5});
  EXPECT_EQ(error.os_error(), 5);
  EXPECT_NE(std::string(error.what()).find("system error 5"), std::string::npos);
}

TEST(Result, ValueRaisesTheError) {
  const Result<int> failed(Error({.code = Code::not_found, .reason = "gone"}));
  EXPECT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Code::not_found);
  EXPECT_THROW((void)failed.value(), Error);
  const Result<int> good(7);
  EXPECT_EQ(good.value(), 7);
}

TEST(Boundary, MemoryThatIsRefusedIsAnError) {
  const auto result = base::guarded("testing", []() -> int { throw std::bad_alloc(); });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::out_of_memory);
  EXPECT_THROW(base::raising("testing", []() -> int { throw std::bad_alloc(); }), Error);
}

}  // namespace
}  // namespace tensorhold
