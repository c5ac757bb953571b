// A recorded run, read as the page reads it, against its files as another JSON reader sees them.
#include "trainer/page/run_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "tests/support/temp_dir.h"

namespace ropeway::page {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

const fs::path kRun = fs::path(ROPEWAY_SOURCE_DIR) / "tests/data/demo_run";

// A copy that a test may spoil.
struct CopiedRun {
  TempDir folder;
  fs::path path = folder / "run";
  CopiedRun() { fs::copy(kRun, path, fs::copy_options::recursive); }
};

TEST(RunData, StagesStandInTheRecipesOrder) {
  const RunData run = read_run_data(kRun);
  EXPECT_EQ(run.name, "tiny_cpu");
  const std::vector<std::string> names = {"base",     "search_8x",  "untuned_8x",  "tune_8x",
                                          "tuned_8x", "search_64x", "untuned_64x", "far_tune",
                                          "readjust", "scores",     "scores_64x"};
  ASSERT_EQ(run.stages.size(), names.size());
  const Json report = Json::parse(read_bytes(kRun / "report.json"));
  for (size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(run.stages[i].name, names[i]);
    EXPECT_TRUE(run.stages[i].finished);
    for (const Json& stage : report.at("stages")) {
      if (stage.at("name") != names[i]) continue;
      EXPECT_EQ(run.stages[i].seconds, stage.at("seconds").get<double>());
    }
  }
  EXPECT_TRUE(run.finished());
  EXPECT_EQ(run.report.base_window, 256);
}

TEST(RunData, StepsAndResumesAreThoseOfTheFile) {
  const RunData run = read_run_data(kRun);
  ASSERT_EQ(run.metrics.steps.size(), 24u);
  ASSERT_EQ(run.metrics.resumes.size(), 1u);
  EXPECT_EQ(run.metrics.resumes[0].stage, "far_tune");
  EXPECT_EQ(run.metrics.resumes[0].step, 6);
  double sum = 0, wanted = 0;
  for (const PageStep& step : run.metrics.steps) sum += step.loss;
  for (const std::string& line : lines_of(read_bytes(kRun / "metrics.jsonl"))) {
    const Json record = Json::parse(line);
    if (record.contains("loss")) wanted += record.at("loss").get<double>();
  }
  EXPECT_NEAR(sum, wanted, 1e-12);
}

TEST(RunData, SearchesCountTheirForwardPasses) {
  const RunData run = read_run_data(kRun);
  ASSERT_EQ(run.searches.size(), 3u);
  for (const SearchTrace& search : run.searches) {
    double spent = 0;
    for (const std::string& line : lines_of(read_bytes(kRun / "stages" / search.stage / "search.jsonl"))) {
      spent += Json::parse(line).at("forward_equivalents").get<double>();
    }
    EXPECT_NEAR(search.evaluations.back().spent, spent, 1e-9) << search.stage;
  }
}

TEST(RunData, PasskeysByDepthAddUpToTheShareInTheReport) {
  const RunData run = read_run_data(kRun);
  size_t compared = 0;
  for (const DepthShares& cell : run.depths) {
    double share = 0;
    for (const double one : cell.shares) share += one / static_cast<double>(cell.shares.size());
    for (const EvaluationRecord& record : run.report.evaluations) {
      if (record.stage != cell.stage || record.factors != cell.factors || record.length != cell.length)
        continue;
      EXPECT_NEAR(record.passkey, share, 1e-9);
      ++compared;
    }
  }
  EXPECT_GE(compared, 10u);
}

TEST(RunData, ARunAtWorkIsReadAsFarAsItIs) {
  CopiedRun copy;
  write_bytes(copy.path / "metrics.jsonl",
              read_bytes(kRun / "metrics.jsonl") + "{\"kind\":\"step\",\"stage\":\"far_t");
  fs::remove(copy.path / "report.json");
  fs::remove_all(copy.path / "model");
  write_bytes(copy.path / "stages/scores/figures.json", "{ broken");
  const RunData run = read_run_data(copy.path);
  EXPECT_EQ(run.metrics.steps.size(), 24u);
  EXPECT_FALSE(run.finished());
  EXPECT_FALSE(run.depths.empty());
  EXPECT_FALSE(run.sets.empty());  // those of the stages' own files
}

TEST(RunData, SamplesAreTheTextFilesOfTheirFolder) {
  CopiedRun copy;
  write_bytes(copy.path / "samples/b.txt", "second");
  write_bytes(copy.path / "samples/a.txt", std::string(3 * kLongestSample, 'x'));
  write_bytes(copy.path / "samples/c.txt", "whole \xff broken");
  write_bytes(copy.path / "samples/note.md", "not a sample");
  const RunData run = read_run_data(copy.path);
  ASSERT_EQ(run.samples.size(), 3u);
  EXPECT_EQ(run.samples[0].text.size(), kLongestSample);
  EXPECT_EQ(run.samples[1].name, "b");
  EXPECT_EQ(run.samples[1].text, "second");
  EXPECT_EQ(run.samples[2].text, "whole ");
}

TEST(RunData, AFolderWithoutARunIsRefused) {
  const TempDir folder;
  try {
    read_run_data(folder.path());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kMissingInput);
    EXPECT_THAT(error.what(), testing::HasSubstr(folder.path().string()));
  }
}

}  // namespace
}  // namespace ropeway::page
