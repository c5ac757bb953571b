#include "trainer/config/cadence.h"

#include <gtest/gtest.h>

namespace ropeway {
namespace {

TEST(Durations, AreReadByUnit) {
  EXPECT_EQ(parse_duration("90s"), 90);
  EXPECT_EQ(parse_duration("10m"), 600);
  EXPECT_EQ(parse_duration("3h50m"), 13800);
  EXPECT_EQ(parse_duration("1d12h"), 129600);
  EXPECT_EQ(parse_duration("2h5s"), 7205);
}

TEST(Durations, AreNothingElse) {
  for (const char* text : {"", "10", "m", "-1m", "+1m", "1.5h", "10m3h", "10m10m", "3h50", "3 h", "010m",
                           "0s", "5x", "1s1", "99999999999999999999s", "1e3s", "10M"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Durations, AreWrittenAsTheyAreRead) {
  for (const char* text : {"1s", "59s", "1m", "10m", "1h", "3h50m", "1d12h", "2h5s"}) {
    EXPECT_EQ(format_duration(parse_duration(text).value()), text);
  }
  EXPECT_EQ(format_duration(0.2), "0s");
}

TEST(Cadences, AreStepsOrTime) {
  EXPECT_EQ(parse_cadence("25"), Cadence(25));
  EXPECT_EQ(parse_cadence("10m"), Cadence::of_seconds(600));
  EXPECT_TRUE(parse_cadence("0")->is_never());
  for (const char* text : {"", "-1", "1.5", "10 m", "ten", "auto", "05", "2000000000"}) {
    EXPECT_EQ(parse_cadence(text), std::nullopt) << text;
  }
  for (const char* text : {"0", "25", "10m", "1h30m"}) EXPECT_EQ(text_of(*parse_cadence(text)), text);
}

}  // namespace
}  // namespace ropeway
