// The evaluator: what comes out of its cells, where it stops, and what it takes from an earlier run.
#include "trainer/evaluate/evaluator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/trainer/evaluate/corpus.h"
#include "tests/trainer/evaluate/tiny_rank.h"
#include "trainer/rope/schedules.h"
#include "trainer/tokenizer/byte_tokenizer.h"

namespace ropeway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

EvaluationCell cell_of(const std::string& name, int64_t length) {
  return {name, length, computed_factor_set(name, tiny_config().rope_geometry(), length)};
}

// The losses of every cell, or of those before a stop.
std::vector<double> losses(TinyRank& rank, const Documents& documents,
                           const std::vector<EvaluationCell>& cells, EvaluationControl control = {}) {
  std::vector<double> found;
  control.name = "test";
  control.finished = [&](const EvaluatedCell& evaluated) {
    found.push_back(evaluated.figures.perplexity.value().nll);
  };
  const auto error = error_of([&] {
    evaluate_cells({rank.model, rank.mesh, documents, nullptr}, cells, {.windows = 2}, control);
  });
  if (error) {
    EXPECT_EQ(error->kind(), ErrorKind::kStopped) << error->what();
    EXPECT_THAT(error->what(),
                HasSubstr(fmt::format("after {} of {} evaluations", found.size(), cells.size())));
  }
  return found;
}

TEST(Evaluator, EachTaskGivesWhatItGivesAlone) {
  const Corpus corpus({random_letters(600, 3)});
  const auto tokenizer = make_byte_tokenizer();
  AloneRank alone;
  TinyRank& rank = alone.rank;
  const std::vector<EvaluationCell> cells = {cell_of("none", 160), cell_of("yarn", 192)};
  const auto results =
      evaluate_cells({rank.model, rank.mesh, *corpus, tokenizer.get()}, cells,
                     {.passkey = true, .tokens = 400, .passkey_depths = 2, .passkey_samples = 1, .seed = 5},
                     {.name = "test"});
  ASSERT_EQ(results.size(), cells.size());
  for (const auto& [cell, figures] : results) {
    const PerplexityResult perplexity = evaluate_perplexity(rank.model, rank.mesh, *corpus, cell.factors,
                                                            {.length = cell.length, .max_windows = 2});
    EXPECT_EQ(figures.perplexity.value().nll, perplexity.nll) << cell.name;
    EXPECT_EQ(figures.perplexity->windows, 2) << cell.name;
    EXPECT_TRUE(figures.perplexity->token_nll.empty());
    const PasskeyResult passkey =
        evaluate_passkey(rank.model, rank.mesh, *corpus, *tokenizer, cell.factors,
                         {.length = cell.length, .depths = 2, .samples_per_depth = 1, .seed = 5});
    EXPECT_EQ(figures.passkey.value().answer_nll, passkey.answer_nll) << cell.name;
  }
  EXPECT_NE(results[0].figures.perplexity->nll, results[1].figures.perplexity->nll);
}

TEST(Evaluator, WindowsAreLimitedByTheirNumberAndByTheTextTheyCover) {
  EXPECT_EQ(windows_at(64, {}), 0);
  EXPECT_EQ(windows_at(64, {.windows = 3}), 3);
  EXPECT_EQ(windows_at(64, {.tokens = 1024}), 16);
  EXPECT_EQ(windows_at(64, {.windows = 3, .tokens = 1024}), 3);
  EXPECT_EQ(windows_at(512, {.windows = 3, .tokens = 1024}), 2);
  EXPECT_EQ(windows_at(4096, {.windows = 3, .tokens = 1024}), 1) << "at least one";
}

TEST(Evaluator, AStopOnOneRankStopsAllAfterTheSameCell) {
  const Corpus corpus({random_letters(200, 3)});
  const std::vector<EvaluationCell> cells = {cell_of("none", 16), cell_of("none", 32), cell_of("none", 64)};
  const auto counts = on_mesh<size_t>({.data = 1, .sequence = 2}, [&](TinyRank& rank) {
    int asked = 0;
    const bool told = rank.mesh.world().rank() == 1;
    const auto stop = [&] { return ++asked == 2 && told; };
    return losses(rank, *corpus, cells, {.stop_requested = stop}).size();
  });
  EXPECT_THAT(counts, ElementsAre(2u, 2u));
}

// The second time the model gives no finite loss: figures can only come from the file.
TEST(Evaluator, KeptFiguresAreTheSameOnEveryRankAndNeedNoModel) {
  const Corpus corpus({random_letters(200, 3)});
  const TempDir folder;
  const std::vector<EvaluationCell> cells = {cell_of("none", 16), cell_of("yarn", 128)};
  const KeptFigures::Subject subject = {.weights = "w", .data = "d"};
  const auto results = on_mesh<std::vector<double>>({.data = 2, .sequence = 1}, [&](TinyRank& rank) {
    Communicator& world = rank.mesh.world();
    KeptFigures kept(folder / "figures.json", world, subject);
    std::vector<double> found = losses(rank, *corpus, cells, {.kept = &kept});
    rank.store.weight("model.norm.weight").fill_(std::numeric_limits<double>::quiet_NaN());
    world.barrier();
    KeptFigures again(folder / "figures.json", world, subject);
    for (const double loss : losses(rank, *corpus, cells, {.kept = &again})) found.push_back(loss);
    return found;
  });
  for (const std::vector<double>& found : results) {
    ASSERT_EQ(found.size(), 4u);
    EXPECT_EQ(found[0], found[2]);
    EXPECT_EQ(found[1], found[3]);
    EXPECT_EQ(found, results[0]);
  }
}

TEST(Evaluator, OtherWeightsDataOrTasksFindNothing) {
  const Corpus corpus({random_letters(200, 3)});
  const TempDir folder;
  AloneRank alone;
  const EvaluationCell cell = cell_of("yarn", 128);
  const auto open = [&](const KeptFigures::Subject& subject) {
    return KeptFigures(folder / "figures.json", *alone.world, subject);
  };
  KeptFigures kept = open({"w", "d"});
  losses(alone.rank, *corpus, {cell}, {.kept = &kept});
  const EvaluationTasks tasks = {.windows = 2};
  EXPECT_NE(open({"w", "d"}).find(cell, tasks), nullptr);
  EXPECT_EQ(open({"x", "d"}).find(cell, tasks), nullptr);
  EXPECT_EQ(open({"w", "x"}).find(cell, tasks), nullptr);
  EXPECT_EQ(kept.find(cell, {.windows = 1}), nullptr);
  EXPECT_EQ(kept.find(cell, {.passkey = true, .windows = 2}), nullptr);
  EXPECT_EQ(kept.find(cell, {.windows = 2, .keep_token_nll = true}), nullptr);
  EXPECT_EQ(kept.find(cell_of("yarn", 64), tasks), nullptr);
  EvaluationCell nudged = cell;
  nudged.factors.factors[1] = std::nextafter(nudged.factors.factors[1], 2.0);
  EXPECT_EQ(kept.find(nudged, tasks), nullptr);
}

}  // namespace
}  // namespace ropeway
