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

TEST(Error, IsOneLineWhateverNamesHaveInside) {
  const std::string name("a\0b\n\x1b[31m", 9);
  const Error error({.code = Code::tensor_not_found,
                     .reason = "no \"" + name + "\" here",
                     .path = "f\r\u202eg\xff",
                     .tensor = name});
  EXPECT_STREQ(error.what(),
               "f\\r\\u202eg\\xff: tensor \"a\\x00b\\n\\x1b[31m\": no \"a\\x00b\\n\\x1b[31m\" here "
               "(tensor_not_found)");
  EXPECT_EQ(error.tensor(), name);
  EXPECT_STREQ(Error({.code = Code::cancelled, .reason = "模型 größer"}).what(),
               "模型 größer (cancelled)");
}

}  // namespace
}  // namespace tensorhold
