// The progress bar: when it is drawn, what it says, and that it leaves nothing behind.
#include "cli/output/progress.hpp"

#include <gtest/gtest.h>

#include <string>

#include "cli/output/text.hpp"

namespace tensorhold::cli {

// The bar is told whether anybody looks, and how wide a line may be.
bool output_is_terminal() noexcept { return false; }
std::size_t screen_columns() noexcept { return 80; }

namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30;

/// What a bar prints while a clock that the test moves goes on.
class Progress : public ::testing::Test {
 protected:
  template <class Steps>
  std::string printed(bool shown, Steps steps) {
    ::testing::internal::CaptureStdout();
    {
      ProgressBar bar("releasing", shown, [this] { return now_; });
      steps(bar);
    }
    return ::testing::internal::GetCapturedStdout();
  }
  void pass(milliseconds time) { now_ += time; }

 private:
  ProgressBar::Clock::time_point now_;
};

TEST_F(Progress, SaysNothingInTheFirstSecond) {
  EXPECT_EQ(printed(true,
                    [&](ProgressBar& bar) {
                      for (std::uint64_t i = 0; i < 10; ++i) bar(i, 10), pass(milliseconds(99));
                    }),
            "");
}

TEST_F(Progress, SaysNothingWhereNobodyLooks) {
  EXPECT_EQ(printed(false,
                    [&](ProgressBar& bar) {
                      for (std::uint64_t i = 0; i < 10; ++i) bar(i, 10), pass(milliseconds(999));
                    }),
            "");
}

TEST_F(Progress, IsDrawnAfterASecondAndWipedAtTheEnd) {
  const std::string text = printed(true, [&](ProgressBar& bar) {
    pass(milliseconds(1500));
    bar(gibibyte, 4 * gibibyte);
  });
  const std::string line = progress_line("releasing", gibibyte, 4 * gibibyte, 1.5);
  EXPECT_EQ(text, "\r" + line + "\r" + std::string(line.size(), ' ') + "\r");
}

TEST_F(Progress, IsDrawnAFewTimesASecondAtMost) {
  const std::string text = printed(true, [&](ProgressBar& bar) {
    pass(milliseconds(1000));
    for (std::uint64_t i = 0; i < 1000; ++i) bar(i, 1000), pass(milliseconds(1));
  });
  std::size_t lines = 0;
  for (std::size_t at = 0; (at = text.find("releasing", at)) != std::string::npos; ++at) ++lines;
  EXPECT_EQ(lines, 10U);
}

TEST(ProgressLine, SaysHowFarAndHowLong) {
  EXPECT_EQ(progress_line("releasing", gibibyte, 4 * gibibyte, 1.0),
            "releasing [#####---------------]  25%  1.0 GiB of 4.0 GiB, 3 s left");
  EXPECT_EQ(progress_line("releasing", 0, gibibyte, 5.0),
            "releasing [--------------------]   0%  0 B of 1.0 GiB");
  EXPECT_EQ(progress_line("releasing", gibibyte, gibibyte, 5.0),
            "releasing [####################] 100%  1.0 GiB of 1.0 GiB");
}

TEST(ProgressLine, NeverPassesItsEndNorTheScreen) {
  EXPECT_EQ(progress_line("x", 5, 2, 1.0), progress_line("x", 2, 2, 1.0));
  EXPECT_EQ(progress_line("x", 0, 0, 1.0), "x [####################] 100%  0 B of 0 B");
  EXPECT_LT(columns(progress_line(std::string(200, 'w'), 1, ~std::uint64_t{0}, 1e9)),
            screen_columns());
}

}  // namespace
}  // namespace tensorhold::cli
