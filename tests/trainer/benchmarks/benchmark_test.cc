// Benchmark cells: done in order, kept on disk, taken from there, and stopped on request.
#include "trainer/benchmarks/benchmark.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parallel/comm/world_of_one.h"
#include "tests/support/errors.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_rank.h"
#include "trainer/rope/schedules.h"

namespace ropeway {
namespace {

using ::testing::ElementsAre;

struct Bench {
  explicit Bench(const std::string& file) : kept(file, *world, {.format = "test", .version = 1}) {}
  BenchmarkCell cell(const std::string& task, double number, const std::string& of = "{}") {
    return {{BenchmarkKind::kChoices, task, "none", 64},
            computed_factor_set("none", tiny_config().rope_geometry(), 64),
            of,
            [this, number](const auto&) -> NamedNumbers {
              ++runs;
              return {{"accuracy", number}, {"samples", 3}};
            }};
  }
  std::vector<double> evaluate(const std::vector<BenchmarkCell>& cells, BenchmarkControl control = {}) {
    control.walk.name = "test";
    control.kept = &kept;
    if (control.walk.weights.empty()) control.walk.weights = "w";
    std::vector<double> found;
    control.finished = [&](const BenchmarkFigures& figures) {
      found.push_back(number_of(figures.numbers, "accuracy"));
    };
    evaluate_benchmarks(rank.model, rank.mesh, cells, control);
    return found;
  }

  std::unique_ptr<Communicator> world = make_world_of_one();
  TinyRank rank{*world};
  KeptEntries kept;
  int runs = 0;
};

TEST(Benchmark, KeptFiguresAreTakenWithTheSameBits) {
  const TempDir scratch;
  const std::string file = scratch.name("kept.json");
  {
    Bench bench(file);
    EXPECT_THAT(bench.evaluate({bench.cell("a", 0.1), bench.cell("b", 1.0 / 3)}), ElementsAre(0.1, 1.0 / 3));
    EXPECT_EQ(bench.runs, 2);
  }
  Bench again(file);
  EXPECT_THAT(again.evaluate({again.cell("a", 0.7), again.cell("b", 0.7), again.cell("c", 0.5)}),
              ElementsAre(0.1, 1.0 / 3, 0.5));
  EXPECT_EQ(again.runs, 1);
}

TEST(Benchmark, OtherWeightsSettingsOrADamagedFileAreDoneAnew) {
  const TempDir scratch;
  const std::string file = scratch.name("kept.json");
  Bench first(file);
  first.evaluate({first.cell("a", 0.1, "{\"samples\": 3}")});
  Bench settings(file);
  EXPECT_THAT(settings.evaluate({settings.cell("a", 0.2, "{\"samples\": 4}")}), ElementsAre(0.2));
  Bench weights(file);
  EXPECT_THAT(weights.evaluate({weights.cell("a", 0.3, "{\"samples\": 3}")}, {.walk = {.weights = "other"}}),
              ElementsAre(0.3));
  scratch.file("kept.json", "{\"format\": \"test\", ");
  Bench damaged(file);
  EXPECT_THAT(damaged.evaluate({damaged.cell("a", 0.4, "{\"samples\": 3}")}), ElementsAre(0.4));
}

TEST(Benchmark, AStopKeepsWhatIsDone) {
  const TempDir scratch;
  const std::string file = scratch.name("kept.json");
  Bench bench(file);
  expect_error(
      ErrorKind::kStopped, {"test: stopped on request after 1 of 2 benchmarks"},
      [&] {
        bench.evaluate({bench.cell("a", 0.1), bench.cell("b", 0.2)},
                       {.walk = {.stop_requested = [] { return true; }}});
      },
      WayOut::kRunAgain);
  Bench again(file);
  EXPECT_THAT(again.evaluate({again.cell("a", 0.7), again.cell("b", 0.2)}), ElementsAre(0.1, 0.2));
  EXPECT_EQ(again.runs, 1);
}

}  // namespace
}  // namespace ropeway
