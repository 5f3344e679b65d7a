#include "tensorhold/stop.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace tensorhold {
namespace {

TEST(Stop, ATokenWithoutASourceNeverStops) {
  const StopToken token;
  EXPECT_FALSE(token.stop_possible());
  EXPECT_FALSE(token.stop_requested());
}

TEST(Stop, EveryTokenOfASourceAndOfItsCopiesIsSet) {
  const StopSource source;
  const StopSource same = source;
  const StopToken first = source.token();
  const StopToken second = same.token();
  const StopToken other = StopSource().token();
  EXPECT_TRUE(first.stop_possible());
  EXPECT_FALSE(first.stop_requested());
  same.request_stop();
  EXPECT_TRUE(source.stop_requested());
  EXPECT_TRUE(first.stop_requested());
  EXPECT_TRUE(second.stop_requested());
  EXPECT_FALSE(other.stop_requested());
}

TEST(Stop, IsSeenByAnotherThread) {
  const StopSource source;
  std::thread worker([token = source.token()] {
    while (!token.stop_requested()) std::this_thread::yield();
  });
  source.request_stop();
  worker.join();
  EXPECT_TRUE(source.token().stop_requested());
}

TEST(Stop, ATokenOutlivesItsSource) {
  StopToken token;
  {
    const StopSource source;
    token = source.token();
    source.request_stop();
  }
  EXPECT_TRUE(token.stop_requested());
}

}  // namespace
}  // namespace tensorhold
