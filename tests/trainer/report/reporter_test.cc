#include "trainer/report/reporter.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/temp_dir.h"

namespace ropeway {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Json report_in(const TempDir& folder) { return Json::parse(read_bytes(folder / "report.json")); }

std::vector<Json> metrics_in(const TempDir& folder) {
  std::istringstream lines(read_bytes(folder / "metrics.jsonl"));
  std::vector<Json> records;
  for (std::string line; std::getline(lines, line);) {
    Json record = Json::parse(line);
    EXPECT_GT(record.at("time"), 1.7e9);
    record.erase("time");
    if (record.at("kind") != "start") records.push_back(record);
  }
  return records;
}

std::vector<std::string> keys_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

EvaluationRecord evaluation_of(const std::string& factors, double bits_per_byte) {
  return {.stage = "scores",
          .model = "tuned",
          .factors = factors,
          .length = 2048,
          .bits_per_byte = bits_per_byte,
          .tail_bits_per_byte = 1.5,
          .passkey = 0.75};
}

TEST(Reporter, AStepIsALineWithEveryNumber) {
  const TempDir folder;
  Reporter(folder.path(), true)
      .step({.stage = "tune",
             .step = 2,
             .total_steps = 9,
             .loss = 1.25,
             .learning_rate = 1e-3,
             .gradient_norm = 0.5,
             .tokens_per_second = 8192,
             .seconds = 0.25,
             .peak_memory_bytes = int64_t{3} << 40,
             .skipped_steps = 1,
             .spikes = 3,
             .rollbacks = 2,
             .memory = {{"weights", 7}, {"ring", 0}},
             .time = {{"data", 0.125}, {"compute", 0.5}},
             .slowest_rank = 3,
             .slowest_speed = 0.625,
             .attention_balance = 1.25,
             .attention_bytes_sent = 4096});
  const auto records = metrics_in(folder);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0], (Json{{"kind", "step"},
                              {"stage", "tune"},
                              {"step", 2},
                              {"total_steps", 9},
                              {"loss", 1.25},
                              {"lr", 1e-3},
                              {"grad_norm", 0.5},
                              {"tokens_per_second", 8192.0},
                              {"seconds", 0.25},
                              {"peak_memory_bytes", int64_t{3} << 40},
                              {"skipped_steps", 1},
                              {"spikes", 3},
                              {"rollbacks", 2},
                              {"memory_bytes", {{"weights", 7}, {"ring", 0}}},
                              {"time_seconds", {{"data", 0.125}, {"compute", 0.5}}},
                              {"slowest_rank", {{"rank", 3}, {"speed", 0.625}}},
                              {"attention", {{"balance", 1.25}, {"bytes_sent", 4096}}}}));
}

TEST(Reporter, WhatAStepDidNotMeasureHasNoKey) {
  const TempDir folder;
  Reporter(folder.path(), true).step({.stage = "tune", .step = 1});
  const Json record = metrics_in(folder).at(0);
  EXPECT_FALSE(record.contains("time_seconds"));
  EXPECT_FALSE(record.contains("slowest_rank"));
  EXPECT_FALSE(record.contains("attention"));
}

TEST(Reporter, AStepThatIsNotFiniteIsStillValidJson) {
  const TempDir folder;
  Reporter(folder.path(), true)
      .step({.stage = "tune",
             .step = 1,
             .loss = kNan,
             .gradient_norm = std::numeric_limits<double>::infinity()});
  const Json record = metrics_in(folder).at(0);
  EXPECT_TRUE(record["loss"].is_null());
  EXPECT_TRUE(record["grad_norm"].is_null());
}

TEST(Reporter, AResumedStageRepeatsNoStep) {
  const TempDir folder;
  Reporter reporter(folder.path(), true);
  for (int64_t step = 1; step <= 3; ++step) reporter.step({.stage = "first", .step = step});
  for (int64_t step = 1; step <= 3; ++step) reporter.step({.stage = "second", .step = step});
  reporter.resume_at("second", 1);
  reporter.step({.stage = "second", .step = 2});
  std::vector<std::string> found;
  for (const Json& record : metrics_in(folder)) {
    const std::string kind = record["kind"] == "step" ? "" : record["kind"].get<std::string>() + " ";
    found.push_back(kind + record["stage"].get<std::string>() + record["step"].dump());
  }
  EXPECT_EQ(found,
            (std::vector<std::string>{"first1", "first2", "first3", "second1", "resume second1", "second2"}));
}

TEST(Reporter, EachProcessSaysWhatItsRecordsAre) {
  const TempDir folder;
  Reporter(folder.path(), true, "ropeway run a.yaml").step({.stage = "tune", .step = 1});
  Reporter(folder.path(), true, "ropeway run a.yaml").step({.stage = "tune", .step = 2});
  std::vector<Json> starts;
  for (const std::string& line : lines_of(read_bytes(folder / "metrics.jsonl"))) {
    if (Json::parse(line).at("kind") == "start") starts.push_back(Json::parse(line));
  }
  ASSERT_EQ(starts.size(), 2u);
  EXPECT_EQ(starts[0].at("version"), 2);
  EXPECT_EQ(starts[0].at("command"), "ropeway run a.yaml");
}

TEST(Reporter, ASearchThatGoesOnTellsItsEvaluationsOnce) {
  const TempDir folder;
  Reporter reporter(folder.path(), true);
  for (int pass = 0; pass < 2; ++pass) {
    reporter.resume_at("search", 0);
    for (int64_t i = 1; i <= 3; ++i) {
      reporter.search({.stage = "search",
                       .phase = "seeds",
                       .candidate = "pi",
                       .evaluation = i,
                       .loss = 3.0 / static_cast<double>(i),
                       .best = 2.0 / static_cast<double>(i),
                       .best_on = "ranking document 1",
                       .spent = static_cast<double>(i),
                       .expected = 9});
    }
  }
  const auto records = metrics_in(folder);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[1], (Json{{"kind", "search"},
                              {"stage", "search"},
                              {"step", 2},
                              {"phase", "seeds"},
                              {"candidate", "pi"},
                              {"loss", 1.5},
                              {"best", 1.0},
                              {"best_on", "ranking document 1"},
                              {"forward_equivalents", 2.0},
                              {"expected_forward_equivalents", 9.0}}));
}

TEST(Reporter, NewsAreToldNotTooOftenAndAfterEachStage) {
  const TempDir folder;
  Reporter reporter(folder.path(), true);
  int told = 0;
  reporter.on_news([&] { ++told; }, 3600);
  for (int64_t step = 1; step <= 5; ++step) reporter.step({.stage = "tune", .step = step});
  EXPECT_EQ(told, 1);
  reporter.write_report(256);
  EXPECT_EQ(told, 2);
}

TEST(Reporter, AListenerThatFailsCostsNothingElse) {
  const TempDir folder;
  Reporter reporter(folder.path(), true);
  int told = 0;
  reporter.on_news(
      [&] {
        ++told;
        throw std::runtime_error("no room");
      },
      0);
  testing::internal::CaptureStderr();
  reporter.step({.stage = "tune", .step = 1});
  reporter.step({.stage = "tune", .step = 2});
  EXPECT_NE(testing::internal::GetCapturedStderr().find("no room"), std::string::npos);
  EXPECT_EQ(told, 1);
  EXPECT_EQ(metrics_in(folder).size(), 2u);
}

TEST(Reporter, TheReportHasTheCommandsOfTheRun) {
  const TempDir folder;
  for (const char* command :
       {"ropeway run a.yaml", "ropeway run a.yaml", "ropeway run a.yaml --stage tune", ""}) {
    Reporter(folder.path(), true, command).write_report(256);
  }
  EXPECT_EQ(report_in(folder)["commands"],
            Json::array({"ropeway run a.yaml", "ropeway run a.yaml --stage tune"}));
}

TEST(Reporter, TheReportHasTheKeysReadersExpect) {
  const TempDir folder;
  Reporter reporter(folder.path(), true);
  reporter.evaluation(evaluation_of("searched", 1.75));
  reporter.stage({.name = "search",
                  .kind = "search",
                  .seconds = 2.5,
                  .ranks = 4,
                  .numbers = {{"fitness", 1.25}},
                  .verdict = "use the search"});
  reporter.write_report(256);
  EXPECT_EQ(read_report(folder.path() / "report.json").stages.at(0).verdict, "use the search");
  const Json report = report_in(folder);
  EXPECT_EQ(keys_of(report),
            (std::vector<std::string>{"base_window", "commands", "evaluations", "benchmarks", "stages"}));
  EXPECT_EQ(report["base_window"], 256);
  EXPECT_EQ(report["evaluations"], Json::array({{{"stage", "scores"},
                                                 {"model", "tuned"},
                                                 {"factors", "searched"},
                                                 {"length", 2048},
                                                 {"bits_per_byte", 1.75},
                                                 {"tail_bits_per_byte", 1.5},
                                                 {"passkey", 0.75}}}));
  EXPECT_EQ(report["stages"], Json::array({{{"name", "search"},
                                            {"kind", "search"},
                                            {"seconds", 2.5},
                                            {"ranks", 4},
                                            {"fitness", 1.25},
                                            {"verdict", "use the search"}}}));
}

TEST(Reporter, WhatWasNotMeasuredIsNull) {
  const TempDir folder;
  Reporter reporter(folder.path(), true);
  reporter.evaluation({.stage = "s", .model = "base", .factors = "none", .length = 256, .passkey = 0});
  reporter.evaluation(evaluation_of("pi", kNan));
  reporter.write_report(256);
  const Json evaluations = report_in(folder)["evaluations"];
  EXPECT_TRUE(evaluations[0]["bits_per_byte"].is_null());
  EXPECT_EQ(evaluations[0]["passkey"], 0.0);
  EXPECT_TRUE(evaluations[1]["bits_per_byte"].is_null());
}

TEST(Reporter, ARepeatedEvaluationReplacesTheEarlierOne) {
  const TempDir folder;
  Reporter reporter(folder.path(), true);
  reporter.evaluation(evaluation_of("pi", 3));
  reporter.evaluation(evaluation_of("searched", 1));
  reporter.evaluation(evaluation_of("pi", 2));
  reporter.write_report(256);
  const Json evaluations = report_in(folder)["evaluations"];
  ASSERT_EQ(evaluations.size(), 2u);
  EXPECT_EQ(evaluations[0]["factors"], "pi");
  EXPECT_EQ(evaluations[0]["bits_per_byte"], 2.0);
}

TEST(Reporter, ARepeatedStageReplacesTheEarlierOne) {
  const TempDir folder;
  Reporter reporter(folder.path(), true);
  reporter.stage({.name = "tune", .kind = "finetune", .seconds = 1, .ranks = 1, .numbers = {}});
  reporter.stage({.name = "tune", .kind = "finetune", .seconds = 9, .ranks = 2, .numbers = {}});
  reporter.write_report(256);
  const Json stages = report_in(folder)["stages"];
  ASSERT_EQ(stages.size(), 1u);
  EXPECT_EQ(stages[0]["seconds"], 9.0);
}

TEST(Reporter, ASecondProcessKeepsWhatTheFirstOneReported) {
  const TempDir folder;
  {
    Reporter first(folder.path(), true);
    first.evaluation(evaluation_of("pi", 3));
    first.evaluation(evaluation_of("ntk", -1));
    first.stage({.name = "a", .kind = "search", .seconds = 1, .ranks = 2, .numbers = {{"fitness", 0.5}}});
    first.write_report(256);
  }
  const Json before = report_in(folder);
  Reporter second(folder.path(), true);
  EXPECT_NE(second.table().find("3.000"), std::string::npos);
  second.write_report(256);
  EXPECT_EQ(report_in(folder), before);
  second.evaluation(evaluation_of("pi", 2));
  second.write_report(256);
  EXPECT_EQ(report_in(folder)["evaluations"].size(), 2u);
  EXPECT_EQ(report_in(folder)["evaluations"][0]["bits_per_byte"], 2.0);
}

TEST(Reporter, AReportThatCannotBeReadIsSetAside) {
  for (const std::string broken :
       {"{\"evaluations\": [", "[]", "{\"evaluations\": [3]}", "{\"stages\": [{\"seconds\": \"long\"}]}"}) {
    const TempDir folder;
    write_bytes(folder / "report.json", broken);
    testing::internal::CaptureStderr();
    Reporter reporter(folder.path(), true);
    const std::string printed = testing::internal::GetCapturedStderr();
    EXPECT_NE(printed.find("report.json"), std::string::npos) << broken << ": " << printed;
    reporter.evaluation(evaluation_of("pi", 2));
    reporter.write_report(256);
    EXPECT_EQ(report_in(folder)["evaluations"].size(), 1u);
    EXPECT_EQ(read_bytes(folder / "report.json.unreadable"), broken);
  }
}

TEST(Reporter, AFolderThatCannotBeWrittenNeverEndsTheRun) {
  const TempDir folder;
  write_bytes(folder / "file", "x");
  testing::internal::CaptureStderr();
  {
    Reporter reporter(folder / "file/run", true);
    reporter.resume_at("tune", 0);
    for (int64_t step = 1; step <= 5; ++step) reporter.step({.stage = "tune", .step = step});
    reporter.evaluation(evaluation_of("pi", 2));
    reporter.stage({.name = "a", .kind = "search", .seconds = 1, .ranks = 1, .numbers = {}});
    reporter.write_report(256);
    EXPECT_NE(reporter.table().find("2.000"), std::string::npos);
  }
  const std::string printed = testing::internal::GetCapturedStderr();
  for (const std::string file : {"metrics.jsonl", "tfevents", "report.json"}) {
    EXPECT_NE(printed.find(file), std::string::npos) << printed;
  }
  EXPECT_EQ(std::count(printed.begin(), printed.end(), '\n'), 3) << printed;
}

TEST(Reporter, OtherRanksWriteNothing) {
  const TempDir folder;
  Reporter reporter(folder.path(), false);
  reporter.resume_at("tune", 0);
  reporter.step({.stage = "tune", .step = 1});
  reporter.evaluation(evaluation_of("pi", 2));
  reporter.stage({.name = "a", .kind = "search", .seconds = 1, .ranks = 1, .numbers = {}});
  reporter.write_report(256);
  EXPECT_EQ(reporter.table(), "");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

// Intervals, further figures, controls and differences survive a second process.
TEST(Reporter, DetailsOfAnEvaluationAreWrittenAndReadBack) {
  const TempDir folder;
  EvaluationRecord record = evaluation_of("searched", 1.75);
  record.bits_interval = Interval{1.5, 2};
  record.passkey_interval = Interval{0.5, 0.9};
  record.figures = {{"perplexity", 3.5, Interval{3, 4}}, {"needles", kNan}};
  record.controls = {{"crop", true, -0.25, Interval{-0.5, -0.125}}};
  record.differences = {{"none", 256, -0.5, Interval{-1, -0.25}}};
  {
    Reporter reporter(folder.path(), true);
    reporter.evaluation(record);
    reporter.write_report(256);
  }
  Reporter again(folder.path(), true);
  again.write_report(256);
  const Json entry = report_in(folder)["evaluations"][0];
  EXPECT_EQ(entry["bits_per_byte_95"], (Json{1.5, 2.0}));
  EXPECT_EQ(entry["passkey_95"], (Json{0.5, 0.9}));
  EXPECT_EQ(entry["figures"]["perplexity"], (Json{{"value", 3.5}, {"interval_95", {3.0, 4.0}}}));
  EXPECT_TRUE(entry["figures"]["needles"]["value"].is_null());
  EXPECT_EQ(entry["controls"]["crop"],
            (Json{{"passed", true}, {"figure", -0.25}, {"interval_95", {-0.5, -0.125}}}));
  EXPECT_EQ(entry["differences"][0]["against"], "none");
  EXPECT_EQ(entry["differences"][0]["interval_95"], (Json{-1.0, -0.25}));
  EXPECT_NE(again.table().find("1.750±0.250"), std::string::npos) << again.table();
  EXPECT_NE(
      again.table().find("control crop of tuned searched at 2048: passed, -0.2500 (-0.5000 to -0.1250)"),
      std::string::npos);
}

// Of a stage that is done again nothing of before stays; of one that was finished earlier, what it recorded.
TEST(Reporter, APartOfTheReportIsTakenOutAndPutBack) {
  const TempDir folder, again;
  Reporter reporter(folder.path(), true);
  EvaluationRecord other = evaluation_of("none", 2);
  other.stage = "before";
  reporter.evaluation(other);
  reporter.evaluation(evaluation_of("yarn", 1.25));
  reporter.stage({.name = "scores", .kind = "evaluate", .seconds = 3, .ranks = 2, .numbers = {{"n", 1}}});
  const std::string text = report_text(reporter.report_of("scores"));
  reporter.write_report(256);
  const std::string before = read_bytes(folder / "report.json");

  reporter.replace("scores", {});
  EXPECT_TRUE(reporter.report_of("scores").evaluations.empty());
  EXPECT_EQ(reporter.report().evaluations.size(), 1u);
  reporter.replace("scores", report_from_text(text, "here"));
  reporter.write_report(256);
  EXPECT_EQ(read_bytes(folder / "report.json"), before);

  reporter.keep_only({"scores"});
  EXPECT_EQ(reporter.report().evaluations.size(), 1u);
  EXPECT_EQ(reporter.report().evaluations[0].factors, "yarn");
  EXPECT_EQ(reporter.report().stages.size(), 1u);
}

}  // namespace
}  // namespace ropeway
