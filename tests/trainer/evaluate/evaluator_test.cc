// The evaluator: what comes out of its cells, where it stops, and what it takes from an earlier run.
#include "trainer/evaluate/evaluator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include <cmath>
#include <limits>

#include "tests/support/corpus.h"
#include "tests/support/tiny_rank.h"
#include "trainer/page/depth_shares.h"
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
  control.walk.name = "test";
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
                     {.walk = {.name = "test"}});
  ASSERT_EQ(results.size(), cells.size());
  for (const auto& [cell, figures] : results) {
    const PerplexityResult perplexity = evaluate_perplexity(rank.model, rank.mesh, *corpus, cell.factors,
                                                            {.length = cell.length, .max_windows = 2});
    EXPECT_EQ(figures.perplexity.value().nll, perplexity.nll) << cell.name;
    EXPECT_EQ(figures.perplexity->windows, 2) << cell.name;
    EXPECT_TRUE(figures.perplexity->token_nll.empty());
    const RetrievalResult passkey =
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
    const auto stop = [&] { return ++asked == 4 && told; };  // behind the windows of a cell, behind the cell
    return losses(rank, *corpus, cells, {.walk = {.stop_requested = stop}}).size();
  });
  EXPECT_THAT(counts, ElementsAre(2u, 2u));
}

// Scored one by one, stopped behind the second of four windows, and resumed: two are scored the second time.
TEST(Evaluator, AStopWithinACellKeepsItsFinishedWindows) {
  const Corpus corpus({random_letters(400, 3)});
  const std::vector<EvaluationCell> cells = {cell_of("yarn", 96)};
  const auto run = [&](TinyRank& rank, KeptPieces* pieces, int stop_at, int& asked) {
    std::vector<double> found;
    const auto stop = [&] { return ++asked == stop_at; };
    error_of([&] {
      evaluate_cells({rank.model, rank.mesh, *corpus, nullptr}, cells, {.windows = 4},
                     {.walk = {.name = "test", .stop_requested = stop, .pieces = pieces, .weights = "w"},
                      .finished = [&](const EvaluatedCell& evaluated) {
                        found.push_back(evaluated.figures.perplexity.value().nll);
                      }});
    });
    return found;
  };
  for (const MeshShape shape : {MeshShape{1, 1}, MeshShape{1, 2}, MeshShape{2, 1}}) {
    const TempDir folder;
    const int rounds = 4 / shape.data;  // of windows
    run_thread_world(shape.data * shape.sequence, [&](Communicator& world) {
      EnginePlan plan;
      plan.score_batch_tokens = 1;
      TinyRank rank(world, shape, at::kDouble, plan);
      int asked = 0;
      const auto wanted = run(rank, nullptr, 0, asked);
      ASSERT_EQ(wanted.size(), 1u);
      EXPECT_EQ(asked, rounds);
      {
        KeptPieces pieces(folder / "cell.part", world);
        asked = 0;
        EXPECT_TRUE(run(rank, &pieces, rounds / 2, asked).empty());
      }
      world.barrier();
      KeptPieces pieces(folder / "cell.part", world);
      asked = 0;
      EXPECT_EQ(run(rank, &pieces, 0, asked), wanted);
      EXPECT_EQ(asked, rounds / 2) << "windows that were kept are scored again";
      world.barrier();
      EXPECT_FALSE(std::filesystem::exists(folder / "cell.part")) << "the cell is finished";
      world.barrier();
    });
  }
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
  EXPECT_NE(open({"w", "d"}).find(cell, tasks), std::nullopt);
  EXPECT_EQ(open({"x", "d"}).find(cell, tasks), std::nullopt);
  EXPECT_EQ(open({"w", "x"}).find(cell, tasks), std::nullopt);
  EXPECT_EQ(kept.find(cell, {.windows = 1}), std::nullopt);
  EXPECT_EQ(kept.find(cell, {.passkey = true, .windows = 2}), std::nullopt);
  EXPECT_EQ(kept.find(cell, {.windows = 2, .keep_token_nll = true}), std::nullopt);
  EXPECT_EQ(kept.find(cell_of("yarn", 64), tasks), std::nullopt);
  EvaluationCell nudged = cell;
  nudged.factors.factors[1] = std::nextafter(nudged.factors.factors[1], 2.0);
  EXPECT_EQ(kept.find(nudged, tasks), std::nullopt);
}

std::vector<EvaluatedCell> evaluate_all(TinyRank& rank, const Documents& documents,
                                        const std::vector<EvaluationCell>& cells,
                                        const EvaluationTasks& tasks, KeptFigures* kept = nullptr) {
  const auto tokenizer = make_byte_tokenizer();
  return evaluate_cells({rank.model, rank.mesh, documents, tokenizer.get()}, cells, tasks,
                        {.walk = {.name = "test"}, .kept = kept});
}

TEST(Evaluator, SetsOfALengthAndAlignedLengthsAreComparedInPairs) {
  const Corpus corpus({random_letters(600, 3)});
  AloneRank alone;
  const std::vector<EvaluationCell> cells = {cell_of("none", 64), cell_of("none", 128), cell_of("yarn", 128),
                                             cell_of("pi", 128)};
  EvaluationTasks tasks = {.aligned = {64, 128}};
  const auto results = evaluate_all(alone.rank, *corpus, cells, tasks);
  const auto compared = paired_differences(results, tasks);
  ASSERT_EQ(compared.size(), 3u);
  const std::vector<std::pair<size_t, size_t>> wanted = {{2, 1}, {3, 1}, {1, 0}};
  for (size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(compared[i].cell, wanted[i].first);
    EXPECT_EQ(compared[i].against, wanted[i].second);
    const double difference =
        results[wanted[i].first].figures.perplexity->nll - results[wanted[i].second].figures.perplexity->nll;
    EXPECT_NEAR(compared[i].difference.nll, difference, 1e-12);
  }
  // Lengths whose windows begin at the same places have other targets.
  tasks.aligned.clear();
  EXPECT_EQ(paired_differences(evaluate_all(alone.rank, *corpus, cells, tasks), tasks).size(), 2u);
}

TEST(Evaluator, AlignedLengthsShareTheTokensThatAreReadAtTheLongest) {
  const EvaluationTasks tasks = {.tokens = 1024, .start = {1}, .aligned = {64, 256}};
  EXPECT_EQ(perplexity_options(64, tasks).max_windows, 4);
  EXPECT_EQ(perplexity_options(64, tasks).align_to, 256);
  EXPECT_EQ(perplexity_options(256, tasks).targets, 63);
  EXPECT_EQ(perplexity_options(64, {.tokens = 1024}).max_windows, 16);
  EXPECT_EQ(perplexity_options(64, {.tokens = 1024}).align_to, 0);
}

TEST(Evaluator, ALengthThatTheFactorsAreNotForIsNamed) {
  EvaluationCell cell = cell_of("yarn", 128);
  EXPECT_EQ(length_warning(cell), "");
  cell.length = 256;
  EXPECT_EQ(length_warning(cell), "yarn is for 128 tokens at most and evaluated at 256");
  cell.length = 32;
  EXPECT_EQ(length_warning(cell), "32 tokens are fewer than the 64 that the model was trained at");
}

// Everything there is, on other meshes and from the file: the same figures.
TEST(Evaluator, AllTasksAndControlsAreTheSameOnAnyMeshAndFromTheFile) {
  const Corpus corpus({random_letters(3000, 3), random_letters(3000, 4)});
  const TempDir folder;
  const EvaluationTasks tasks = {.passkey = true,
                                 .passkey_depths = 2,
                                 .passkey_samples = 1,
                                 .seed = 5,
                                 .aligned = {64, 512},
                                 .target_tokens = 400,
                                 .haystack = Haystack::kPublished,
                                 .needles = true,
                                 .needles_in_a_pass = 3,
                                 .needle_passes = 2,
                                 .controls = {ControlKind::kCrop, ControlKind::kForeignPrefix,
                                              ControlKind::kRepetition, ControlKind::kConfusableKeys},
                                 .control_windows = 3};
  EvaluationCell cell = cell_of("yarn", 512);
  cell.window_factors = cell_of("none", 64).factors;
  AloneRank alone;
  KeptFigures kept(folder / "figures.json", *alone.world, {"w", "d"});
  const CellFigures wanted = evaluate_all(alone.rank, *corpus, {cell}, tasks, &kept).front().figures;
  ASSERT_EQ(wanted.controls.size(), 4u);
  EXPECT_EQ(wanted.needles.value().trials, 6);
  EXPECT_EQ(wanted.perplexity.value().predicted_tokens, 7 * 63);

  // The page of a run reads the same file.
  std::vector<page::DepthShares> shares;
  page::read_depth_shares(folder / "figures.json", "scores", shares);
  ASSERT_EQ(shares.size(), 1u);
  EXPECT_EQ(shares[0].length, 512);
  EXPECT_EQ(shares[0].depths, wanted.passkey->depths);
  EXPECT_EQ(shares[0].shares, wanted.passkey->depth_accuracy);
  EXPECT_EQ(shares[0].samples * std::ssize(shares[0].depths), wanted.passkey->trials);

  const auto expect_same = [&](const CellFigures& found, double tolerance) {
    EXPECT_NEAR(found.perplexity.value().nll, wanted.perplexity->nll, tolerance);
    EXPECT_NEAR(found.perplexity->bits_interval->high, wanted.perplexity->bits_interval->high, tolerance);
    EXPECT_EQ(found.passkey.value().interval, wanted.passkey->interval);
    EXPECT_EQ(found.needles.value().right, wanted.needles->right);
    EXPECT_NEAR(found.needles->answer_nll, wanted.needles->answer_nll, tolerance);
    ASSERT_EQ(found.controls.size(), 4u);
    for (size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(found.controls[i].kind, wanted.controls[i].kind);
      EXPECT_EQ(found.controls[i].passed, wanted.controls[i].passed);
      EXPECT_NEAR(found.controls[i].figure, wanted.controls[i].figure, tolerance);
      EXPECT_EQ(found.controls[i].distances.size(), wanted.controls[i].distances.size());
    }
  };
  for (const MeshShape shape : {MeshShape{2, 1}, MeshShape{1, 2}, MeshShape{2, 2}}) {
    for (const CellFigures& found : on_mesh<CellFigures>(shape, [&](TinyRank& rank) {
           return evaluate_all(rank, *corpus, {cell}, tasks).front().figures;
         })) {
      expect_same(found, 1e-9);
    }
  }
  KeptFigures again(folder / "figures.json", *alone.world, {"w", "d"});
  const std::optional<CellFigures> from_file = again.find(cell, tasks);
  ASSERT_NE(from_file, std::nullopt);
  expect_same(*from_file, 0);
  EXPECT_EQ(from_file->perplexity->runs.size(), wanted.perplexity->runs.size());
  EXPECT_EQ(from_file->controls[2].distances[0].interval, wanted.controls[2].distances[0].interval);
  EvaluationTasks other = tasks;
  other.control_windows = 4;
  EXPECT_EQ(again.find(cell, other), std::nullopt);
  other = tasks;
  other.aligned = {64, 256, 512};
  EXPECT_NE(again.find(cell, other), std::nullopt) << "the same windows";
  other.aligned = {64, 1024};
  EXPECT_EQ(again.find(cell, other), std::nullopt);
}

TEST(Evaluator, LengthsWithinTheWindowHaveNoControls) {
  const Corpus corpus({random_letters(300, 3)});
  AloneRank alone;
  const auto results =
      evaluate_all(alone.rank, *corpus, {cell_of("none", 64)}, {.controls = {ControlKind::kCrop}});
  EXPECT_TRUE(results.front().figures.controls.empty());
}

}  // namespace
}  // namespace ropeway
