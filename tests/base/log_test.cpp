#include "tensorhold/log.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tensorhold/file.hpp"

namespace tensorhold {
namespace {

TEST(Log, IsSilentUntilAHookIsSet) {
  std::vector<std::string> lines;
  const std::string path = TENSORHOLD_TEST_DATA "/silero-vad-16k.safetensors";
  (void)open(path);
  set_log_hook([&](std::string_view line) { lines.emplace_back(line); });
  (void)open(path);
  set_log_hook({});
  (void)open(path);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find(path), std::string::npos);
}

}  // namespace
}  // namespace tensorhold
