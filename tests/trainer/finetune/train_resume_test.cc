#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include "tests/trainer/finetune/train_case.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

// Stopped after `stop_after` steps and resumed, against the same run left alone: bit for bit.
void expect_same_bits(TrainCase c, int64_t stop_after) {
  const TempDir whole, parts;
  const TrainResult wanted = run_training(c, whole.path());
  TrainCase stopped = c;
  stopped.stop_after = stop_after;
  const auto error = error_of([&] { run_training(stopped, parts.path()); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::kStopped);
  EXPECT_THAT(error->what(), HasSubstr(fmt::format("after step {} of {}", stop_after, c.recipe.steps)));

  const TrainResult found = run_training(c, parts.path());
  EXPECT_EQ(found.outcome.resumed_from, stop_after);
  EXPECT_EQ(found.outcome.steps, wanted.outcome.steps);
  EXPECT_EQ(found.outcome.final_loss, wanted.outcome.final_loss);
  EXPECT_EQ(losses_in(parts.path()), losses_in(whole.path()));
  for (size_t r = 0; r < found.weights.size(); ++r) {
    EXPECT_TRUE(at::equal(found.weights[r], wanted.weights[r])) << "rank " << r;
  }
}

TEST(TrainResume, ContinuesToTheSameBits) {
  TrainCase c;
  c.dtype = at::kFloat;
  for (const int64_t stop : {1, 3, 5}) expect_same_bits(c, stop);
}

TEST(TrainResume, ContinuesToTheSameBitsOnSeveralRanks) {
  TrainCase c;
  c.dtype = at::kFloat;
  c.shape = {2, 2};
  expect_same_bits(c, 4);
}

TEST(TrainResume, ContinuesToTheSameBitsWithMastersBesideTheWeights) {
  TrainCase c;
  c.dtype = at::kBFloat16;
  c.shape = {1, 2};
  expect_same_bits(c, 3);
}

TEST(TrainResume, ContinuesToTheSameBitsWithNarrowMoments) {
  TrainCase c;
  c.dtype = at::kFloat;
  c.shape = {1, 2};
  c.recipe.moments = DType::kBF16;
  expect_same_bits(c, 3);
}

TEST(TrainResume, ContinuesToTheSameBitsInTheMidstOfMixedWindows) {
  TrainCase c;
  c.dtype = at::kFloat;
  c.shape = {1, 2};
  c.recipe.short_share = 0.3;
  c.recipe.skip_target = 100;
  expect_same_bits(c, 3);
}

TEST(TrainResume, AKilledRunGoesBackToItsLastCheckpoint) {
  TrainCase c;
  c.dtype = at::kFloat;
  const TempDir whole, parts;
  const TrainResult wanted = run_training(c, whole.path());
  c.recipe.checkpoint_every = 2;
  TrainCase killed = c;
  killed.stop_after = 5;
  EXPECT_TRUE(error_of([&] { run_training(killed, parts.path()); }));
  // As if it had been killed in its fifth step: the step is on record and not in a checkpoint.
  fs::remove_all(parts / "checkpoints/step-000005");
  const TrainResult found = run_training(c, parts.path());
  EXPECT_EQ(found.outcome.resumed_from, 4);
  EXPECT_EQ(losses_in(parts.path()), losses_in(whole.path()));
  EXPECT_TRUE(at::equal(found.weights[0], wanted.weights[0]));
}

TEST(TrainResume, AFinishedRunIsNotTrainedAgain) {
  TrainCase c;
  const TempDir folder;
  const TrainResult first = run_training(c, folder.path());
  const TrainResult again = run_training(c, folder.path());
  EXPECT_EQ(again.outcome.resumed_from, 6);
  EXPECT_EQ(again.outcome.final_loss, first.outcome.final_loss);
  EXPECT_EQ(losses_in(folder.path()).size(), 6u);
  EXPECT_TRUE(at::equal(again.weights[0], first.weights[0]));
}

TEST(TrainResume, AnotherNumberOfRanksEndsWithinRounding) {
  TrainCase c;
  c.shape = {1, 2};
  const TempDir whole, parts;
  const TrainResult wanted = run_training(c, whole.path());
  TrainCase stopped = c;
  stopped.stop_after = 3;
  EXPECT_TRUE(error_of([&] { run_training(stopped, parts.path()); }));
  c.shape = {2, 2};
  const TrainResult found = run_training(c, parts.path());
  EXPECT_EQ(found.outcome.resumed_from, 3);
  const double difference =
      ((found.weights[3] - wanted.weights[0]).norm() / wanted.weights[0].norm()).item<double>();
  EXPECT_LE(difference, 1e-11);
}

TEST(TrainResume, ADamagedCheckpointGivesWayToTheOneBefore) {
  TrainCase c;
  c.recipe.checkpoint_every = 2;
  const TempDir folder;
  const TrainResult wanted = run_training(c, folder.path());
  const fs::path weights = folder / "checkpoints/step-000006/weights.safetensors";
  std::string bytes = read_bytes(weights);
  bytes[bytes.size() / 2] ^= 1;
  write_bytes(weights, bytes);
  testing::internal::CaptureStderr();
  const TrainResult found = run_training(c, folder.path());
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("step-000006"));
  EXPECT_EQ(found.outcome.resumed_from, 4);
  EXPECT_TRUE(at::equal(found.weights[0], wanted.weights[0]));
}

// What a resume finds must be of the same run; otherwise neither weights nor files change.
void expect_refused(const std::function<void(TrainCase&)>& change, const std::vector<std::string>& said) {
  for (const MeshShape shape : {MeshShape{1, 1}, MeshShape{1, 2}}) {
    TrainCase c;
    c.dtype = at::kFloat;
    c.shape = shape;
    c.recipe.steps = 2;
    const TempDir folder;
    run_training(c, folder.path());
    c.recipe.steps = 4;
    change(c);
    const auto error = error_of([&] { run_training(c, folder.path()); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::kBadData);
    EXPECT_EQ(error->way_out(), WayOut::kStartAnew);
    for (const std::string& text : said) EXPECT_THAT(error->what(), HasSubstr(text));
    EXPECT_THAT(error->what(), HasSubstr((folder / "checkpoints/step-000002").string()));
    EXPECT_FALSE(fs::exists(folder / "checkpoints/step-000004"));
    EXPECT_EQ(losses_in(folder.path()).size(), 2u);
  }
}

TEST(TrainResume, OtherDataIsRefused) {
  expect_refused([](TrainCase& c) { c.data_fingerprint = "other text"; }, {"data", "other text"});
}
TEST(TrainResume, AnotherFactorSetIsRefused) {
  expect_refused([](TrainCase& c) { c.factor = 1.25; }, {"factor set", "1.5", "1.25"});
}
TEST(TrainResume, MomentsOfAnotherTypeAreRefused) {
  expect_refused([](TrainCase& c) { c.recipe.moments = DType::kBF16; }, {"'exp_avg': F32", "wanted BF16"});
}
TEST(TrainResume, AnotherRecipeIsRefused) {
  expect_refused([](TrainCase& c) { c.recipe_sha256 = "other"; }, {"recipe", "other"});
}

}  // namespace
}  // namespace ropeway
