#include "trainer/report/result_table.h"

#include <gtest/gtest.h>

#include <limits>

namespace ropeway {
namespace {

TEST(ResultTable, IsEmptyWithoutEvaluations) { EXPECT_EQ(result_table({}), ""); }

TEST(ResultTable, HasARowAModelAndSetAndAColumnALength) {
  const std::vector<EvaluationRecord> evaluations = {
      {.stage = "b", .model = "base", .factors = "none", .length = 2048, .bits_per_byte = 3.61, .passkey = 0},
      {.stage = "b",
       .model = "base",
       .factors = "none",
       .length = 256,
       .bits_per_byte = 2.0987,
       .passkey = 0.956},
      {.stage = "t", .model = "tuned", .factors = "searched_8x", .length = 2048, .bits_per_byte = 2.11},
      {.stage = "t", .model = "tuned", .factors = "none", .length = 16384, .passkey = 1},
  };
  EXPECT_EQ(result_table(evaluations),
            "model  factors             256        2048       16384\n"
            "base   none         2.099  96%  3.610   0%            \n"
            "tuned  searched_8x                   2.110            \n"
            "tuned  none                                     - 100%\n"
            "bits per byte on the test text (less is better), and passkey retrieval; columns are tokens\n");
}

TEST(ResultTable, TheLatestOfTwoMeasurementsWins) {
  const EvaluationRecord first{
      .stage = "one", .model = "base", .factors = "pi", .length = 256, .bits_per_byte = 3};
  EvaluationRecord second = first;
  second.stage = "two";
  second.bits_per_byte = 2;
  const std::string table = result_table({first, second});
  EXPECT_NE(table.find("2.000"), std::string::npos);
  EXPECT_EQ(table.find("3.000"), std::string::npos);
}

TEST(ResultTable, ALossThatIsNotANumberShows) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::string table =
      result_table({{.stage = "b", .model = "base", .factors = "pi", .length = 8, .bits_per_byte = nan}});
  EXPECT_NE(table.find("nan"), std::string::npos) << table;
}

}  // namespace
}  // namespace ropeway
