// The same training whatever the number of ranks and micro-batches. Compared in F64, where Adam's division
// does not turn rounding of tiny gradients into steps of full size, and once in F32, the type runs have.
#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ne.h>
#include <ATen/ops/sum.h>

#include "tests/trainer/finetune/train_case.h"
#include "tests/trainer/model/family_options.h"
#include "trainer/tokenizer/byte_tokenizer.h"

namespace ropeway {
namespace {

double relative_difference(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

void expect_same_losses(const std::vector<double>& found, const std::vector<double>& wanted,
                        double tolerance) {
  ASSERT_EQ(found.size(), wanted.size());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], wanted[i], tolerance * wanted[i]) << i;
}

struct Tolerance {
  at::ScalarType dtype;
  double loss, weights;
};

void expect_same_training(TrainCase one, TrainCase other, const Tolerance& tolerance) {
  one.dtype = other.dtype = tolerance.dtype;
  const TempDir first, second;
  const TrainResult wanted = run_training(one, first.path());
  const TrainResult found = run_training(other, second.path());
  expect_same_losses(losses_in(second.path()), losses_in(first.path()), tolerance.loss);
  for (const at::Tensor& weights : found.weights) {
    EXPECT_TRUE(at::equal(weights, found.weights[0])) << "ranks hold different weights";
  }
  EXPECT_LE(relative_difference(found.weights[0], wanted.weights[0]), tolerance.weights);
}

class TrainRanks : public ::testing::TestWithParam<MeshShape> {};

TEST_P(TrainRanks, AnyMeshTrainsLikeOneRankInDouble) {
  TrainCase many;
  many.shape = GetParam();
  expect_same_training({}, many, {at::kDouble, 1e-12, 1e-11});
}

TEST_P(TrainRanks, AnyMeshTrainsLikeOneRankInFloat) {
  TrainCase one, many;
  many.shape = GetParam();
  // Updates proportional to gradients that rounding could turn around.
  one.recipe.eps = many.recipe.eps = 1e-3;
  expect_same_training(one, many, {at::kFloat, 2e-6, 2e-6});
}

INSTANTIATE_TEST_SUITE_P(Meshes, TrainRanks,
                         ::testing::Values(MeshShape{1, 2}, MeshShape{1, 4}, MeshShape{2, 1}, MeshShape{2, 2},
                                           MeshShape{4, 1}),
                         [](const auto& info) {
                           return fmt::format("data{}_sequence{}", info.param.data, info.param.sequence);
                         });

// Every family: two ranks train it like one, and it learns.
TEST(TrainLoop, TwoRanksTrainEveryFamilyLikeOne) {
  for (const testing::FamilyOptions& family : testing::family_options()) {
    SCOPED_TRACE(family.name);
    TrainCase one, two;
    one.config = testing::make_case(family.options).config;
    one.config.vocab_size = 256;
    one.config.initializer_range = 0.3;
    two.config = one.config;
    two.shape = {1, 2};
    expect_same_training(one, two, {at::kDouble, 1e-12, 1e-10});
    const TempDir folder;
    two.recipe.steps = 12;
    two.recipe.passkey_fraction = 0;
    run_training(two, folder.path());
    const std::vector<double> losses = losses_in(folder.path());
    EXPECT_LT(losses.back(), losses.front());
  }
}

TEST(TrainLoop, TheSizeOfMicroBatchesChangesNothing) {
  for (const int64_t tokens : {1, 64, 96}) {  // 1, 2 and 3 sequences at once
    TrainCase small;
    small.recipe.micro_batch_tokens = tokens;
    small.recipe.passkey_fraction = 0;
    expect_same_training({}, small, {at::kDouble, 1e-12, 1e-11});
  }
}

TEST(TrainLoop, TheFirstLossIsTheWeightedMeanThatEvaluationFinds) {
  TrainCase c;
  c.recipe.length = 128;
  c.recipe.steps = 1;
  c.recipe.passkey_fraction = 0.5;
  const TempDir folder;
  run_training(c, folder.path());

  AloneRank alone;
  const Corpus corpus(c.texts);
  const auto tokenizer = make_byte_tokenizer();
  const WindowSampler windows(*corpus, *tokenizer, c.windows());
  double loss = 0, weight = 0;
  for (uint64_t i = 0; i < 4; ++i) {
    const Window window = windows.window(i);
    const LocalBatch batch = make_local_batch({window.tokens}, {}, alone.rank.ring.split(), at::kDouble);
    const at::Tensor nll = alone.rank.model.evaluate(batch, c.factors(alone.rank.model)).nll;
    for (size_t t = 0; t + 1 < window.tokens.size(); ++t) {
      loss += window.weights[t] * nll[0][static_cast<int64_t>(t)].item<double>();
      weight += window.weights[t];
    }
  }
  EXPECT_GT(weight, 4 * 127) << "no window carries a passkey";
  const std::vector<double> losses = losses_in(folder.path());
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_NEAR(losses[0], loss / weight, 1e-12 * losses[0]);
}

// Documents that are kept apart: many in a window, of one token too, and some over several windows. Each piece
// of one is scored by itself, and the loss of the first step is the mean over all their predictions.
TEST(TrainLoop, DocumentsKeptApartGiveTheLossOfEachByItself) {
  TrainCase c;
  c.recipe.steps = 1;
  c.mask = DocumentMask::kDocuments;
  c.texts.clear();
  for (uint64_t i = 0; i < 9; ++i) c.texts.push_back(random_letters(1 + 5 * i % 14, i));
  c.texts.push_back(random_letters(75, 20));

  AloneRank alone;
  const Corpus corpus(c.texts);
  const auto tokenizer = make_byte_tokenizer();
  const WindowSampler windows(*corpus, *tokenizer, c.windows());
  SummedLoss loss;
  int64_t documents = 0;
  for (uint64_t i = 0; i < 4; ++i) {
    const Window window = windows.window(i);
    documents += std::ssize(window.documents);
    add_documents_alone(alone.rank, window, c.factors(alone.rank.model), loss);
  }
  EXPECT_GT(documents, 8);
  expect_loss_on({{1, 1}, {1, 2}, {2, 2}, {1, 4}, {1, 8}}, c, loss.mean());
}

TEST(TrainLoop, TrainingLowersTheLoss) {
  TrainCase c;
  c.recipe.steps = 40;
  c.recipe.learning_rate = 1e-2;
  const TempDir folder;
  const TrainResult result = run_training(c, folder.path());
  EXPECT_LT(result.outcome.final_loss, 0.8 * losses_in(folder.path()).front());
}

TEST(TrainLoop, TheClosingLossIsTheMeanOfTheLastTenSteps) {
  TrainCase c;
  c.recipe.steps = 12;
  const TempDir folder;
  const TrainResult result = run_training(c, folder.path());
  const std::vector<double> losses = losses_in(folder.path());
  double mean = 0;
  for (size_t i = 2; i < 12; ++i) mean += losses.at(i) / 10;
  EXPECT_NEAR(result.outcome.final_loss, mean, 1e-12);
  EXPECT_EQ(result.outcome.steps, 12);
  EXPECT_EQ(result.outcome.resumed_from, 0);
}

}  // namespace
}  // namespace ropeway
