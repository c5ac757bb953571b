// The estimate of a run's time against runs whose times are known: one that is made up, and a recorded one.
#include "trainer/report/run_clock.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/support/temp_dir.h"
#include "trainer/report/reporter.h"

namespace ropeway {
namespace {

using Json = nlohmann::json;

double error_of(double said, double came) { return std::abs(said / came - 1); }

// 40 steps of 0.5 s, an evaluation of three cells that takes 2 s each, and as many steps once more.
TEST(RunClock, IsRightWhereEverythingTakesWhatItTook) {
  RunClock clock;
  clock.plan({{.stage = "tune", .work = {{"train", 64, 40}}},
              {.stage = "scores", .work = {{"forward", 64, 12, 3}}},
              {.stage = "more", .work = {{"train", 64, 40}}}},
             {});
  clock.begin("tune", 100);
  EXPECT_LT(clock.seconds_left(), 0) << "nothing has been timed";
  clock.step("tune", 0.5, 10);  // 20 of 40 are done
  EXPECT_DOUBLE_EQ(clock.stage_left(), 10);
  EXPECT_DOUBLE_EQ(clock.seconds_left(), 10 + 12 * 0.5 + 20);
  clock.end({.name = "tune", .kind = "finetune", .seconds = 20, .numbers = {}});
  clock.begin("scores", 120);
  EXPECT_DOUBLE_EQ(clock.stage_left(), 6);
  clock.evaluation("scores", "yarn", 64, 122);
  EXPECT_DOUBLE_EQ(clock.stage_left(), 4);
  EXPECT_DOUBLE_EQ(clock.seconds_left(), 24);
  clock.evaluation("scores", "yarn", 64, 122);  // told again
  EXPECT_DOUBLE_EQ(clock.stage_left(), 4);
}

// 100 forward equivalents at most, one per second; the first search took 60.
TEST(RunClock, ASearchIsLeftWithWhatSearchesTake) {
  RunClock clock;
  const std::vector<PassWork> forward = {{"forward", 64, 100}};
  clock.plan(
      {{.stage = "first", .work = forward, .most = 100}, {.stage = "second", .work = forward, .most = 100}},
      {{.name = "first", .kind = "search", .seconds = 60, .numbers = {{"forward_equivalents", 60}}}});
  clock.begin("second", 0);
  EXPECT_DOUBLE_EQ(clock.stage_left(), 60);
  SearchRecord record{.stage = "second", .phase = "seeds", .candidate = "pi", .spent = 10, .expected = 100};
  clock.search(record, 1e-4);  // read from the log of an earlier process
  EXPECT_DOUBLE_EQ(clock.stage_left(), 60) << "it says nothing of the pace";
  record.spent = 20;
  clock.search(record, 20);
  EXPECT_NEAR(clock.stage_left(), 2 * 0.6 * 80, 1e-3);
  record.expected = 30;  // the search knows better now
  record.spent = 30;
  clock.search(record, 40);
  EXPECT_DOUBLE_EQ(clock.stage_left(), 0);
}

// A demo of 65 s on two cores, which did something else as well for ten of them. It meets its long texts, three
// quarters of its time, with the second search.
TEST(RunClock, FollowsARecordedRun) {
  std::vector<Json> records;
  for (const std::string& line :
       lines_of(read_bytes(std::filesystem::path(ROPEWAY_SOURCE_DIR) / "tests/data/timed_run.jsonl"))) {
    records.push_back(Json::parse(line));
  }
  std::vector<StageWork> plan;
  for (const Json& stage : records.front().at("stages")) {
    StageWork work{.stage = stage.at("stage"), .most = stage.value("most_forward_equivalents", 0.0)};
    for (const Json& pass : stage.at("passes")) {
      work.work.push_back({pass.at("pass"), pass.at("length"), pass.at("cost"), pass.at("pieces")});
    }
    plan.push_back(work);
  }
  RunClock clock;
  clock.plan(plan, {});
  const double end = records.back().at("time");
  bool long_texts = false;
  size_t early = 0, late = 0, next = 0;
  clock.begin(plan[0].stage, 0);
  for (const Json& record : records) {
    const std::string kind = record.at("kind"), stage = record.value("stage", "");
    const double now = record.at("time");
    if (kind == "step") {
      const auto left = record.at("total_steps").get<double>() - record.at("step").get<double>();
      clock.step(stage, left / record.at("total_steps").get<double>(),
                 left * record.at("seconds").get<double>());
    } else if (kind == "search") {
      clock.search({.stage = stage,
                    .phase = "",
                    .candidate = "",
                    .spent = record.at("forward_equivalents"),
                    .expected = record.at("expected_forward_equivalents")},
                   now);
    } else if (kind == "evaluation") {
      clock.evaluation(stage, record.at("factors"), record.at("length"), now);
    } else if (kind == "stage") {
      StageRecord over{.name = stage, .kind = "", .seconds = record.at("seconds"), .numbers = {}};
      if (record.contains("numbers")) {
        over.numbers.emplace_back("forward_equivalents", record.at("numbers").at("forward_equivalents"));
      }
      clock.end(over);
      long_texts = long_texts || stage == "search_64x";
      if (++next < plan.size()) clock.begin(plan[next].stage, now);
    }
    if (clock.seconds_left() < 0 || end - now < 5) continue;
    ++(long_texts ? late : early);
    EXPECT_LT(error_of(clock.seconds_left(), end - now), long_texts ? 0.2 : 1.7) << record;
  }
  EXPECT_GT(early, 20u);
  EXPECT_GT(late, 20u);
}

}  // namespace
}  // namespace ropeway
