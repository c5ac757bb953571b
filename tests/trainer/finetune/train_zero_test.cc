// Training that shares out gradients (ZeRO 2) and weights (ZeRO 3) against training that does not, on meshes
// of data and sequence ranks; and checkpoints that go from one stage and number of ranks to another.
#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include <limits>

#include "tests/trainer/finetune/train_case.h"

namespace ropeway {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using enum ZeroStage;

std::string name_of(ZeroStage zero, const MeshShape& shape) {
  return fmt::format("Stage{}_data{}_sequence{}", static_cast<int>(zero), shape.data, shape.sequence);
}

double relative_difference(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

void expect_same_losses(const std::vector<double>& found, const std::vector<double>& wanted,
                        double tolerance) {
  ASSERT_EQ(found.size(), wanted.size());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], wanted[i], tolerance * wanted[i]) << i;
}

TrainCase case_of(const MeshShape& shape, ZeroStage zero, at::ScalarType dtype = at::kDouble) {
  TrainCase c;
  c.shape = shape;
  c.zero = zero;
  c.dtype = dtype;
  c.recipe.clip_norm = 0.1;  // less than every gradient's
  // Updates proportional to gradients that rounding could turn around.
  if (dtype != at::kDouble) c.recipe.eps = 1e-3;
  return c;
}

class TrainZero : public ::testing::TestWithParam<std::tuple<ZeroStage, MeshShape>> {
 protected:
  TrainCase wanted(at::ScalarType dtype) const { return case_of(shape(), kOptimizerState, dtype); }
  TrainCase found(at::ScalarType dtype) const { return case_of(shape(), std::get<0>(GetParam()), dtype); }
  MeshShape shape() const { return std::get<1>(GetParam()); }

  void expect_same_training(TrainCase one, TrainCase other, double tolerance) {
    const TempDir first, second;
    const TrainResult wanted = run_training(one, first.path());
    const TrainResult found = run_training(other, second.path());
    expect_same_losses(losses_in(second.path()), losses_in(first.path()), tolerance);
    for (const at::Tensor& weights : found.weights) {
      EXPECT_LE(relative_difference(weights, wanted.weights[0]), tolerance);
    }
  }
};

TEST_P(TrainZero, IsTheSameTrainingInDouble) {
  expect_same_training(wanted(at::kDouble), found(at::kDouble), 1e-10);
}

TEST_P(TrainZero, IsTheSameTrainingInFloat) {
  expect_same_training(wanted(at::kFloat), found(at::kFloat), 2e-6);
}

// One sequence at a time: gradients are summed over ranks pass by pass, and added up at home.
TEST_P(TrainZero, AddsMicroBatchesUpAtHome) {
  TrainCase one = wanted(at::kDouble), other = found(at::kDouble);
  one.recipe.micro_batch_tokens = other.recipe.micro_batch_tokens = 1;
  one.recipe.batch_sequences = other.recipe.batch_sequences = 4 * shape().data;
  expect_same_training(one, other, 1e-10);
}

TEST_P(TrainZero, TwoRunsHaveTheSameBits) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    TrainCase c = found(dtype);
    c.config.tie_word_embeddings = true;
    const TempDir first, second;
    const TrainResult one = run_training(c, first.path()), other = run_training(c, second.path());
    EXPECT_EQ(losses_in(first.path()), losses_in(second.path()));
    for (const at::Tensor& weights : other.weights) EXPECT_TRUE(at::equal(weights, one.weights[0]));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Meshes, TrainZero,
    ::testing::Combine(::testing::Values(kGradients, kWeights),
                       ::testing::Values(MeshShape{1, 2}, MeshShape{2, 1}, MeshShape{2, 2}, MeshShape{1, 4})),
    [](const auto& info) { return name_of(std::get<0>(info.param), std::get<1>(info.param)); });

TEST(TrainZero, OneRankAloneHasNothingToShareOut) {
  const TempDir first, second;
  const TrainResult wanted = run_training(case_of({1, 1}, kOptimizerState), first.path());
  const TrainResult found = run_training(case_of({1, 1}, kWeights), second.path());
  EXPECT_LE(relative_difference(found.weights[0], wanted.weights[0]), 1e-10);
}

// --- Checkpoints.

struct Seat {
  ZeroStage zero;
  MeshShape shape;
};

// Stopped in one seat, resumed in another, against the training that nothing interrupts.
TEST(TrainZeroCheckpoint, ServesEveryStageAndNumberOfRanks) {
  for (const at::ScalarType dtype : {at::kDouble, at::kBFloat16}) {
    const TempDir whole;
    const TrainResult wanted = run_training(case_of({1, 1}, kOptimizerState, dtype), whole.path());
    const std::pair<Seat, Seat> moves[] = {
        {{kOptimizerState, {1, 2}}, {kGradients, {1, 4}}}, {{kGradients, {1, 4}}, {kWeights, {2, 1}}},
        {{kWeights, {2, 2}}, {kGradients, {1, 2}}},        {{kWeights, {1, 4}}, {kOptimizerState, {1, 1}}},
        {{kGradients, {1, 2}}, {kOptimizerState, {1, 4}}}, {{kOptimizerState, {1, 1}}, {kWeights, {1, 2}}}};
    for (const auto& [from, to] : moves) {
      SCOPED_TRACE(name_of(from.zero, from.shape) + " to " + name_of(to.zero, to.shape));
      const TempDir folder;
      TrainCase stopped = case_of(from.shape, from.zero, dtype);
      stopped.stop_after = 3;
      EXPECT_TRUE(error_of([&] { run_training(stopped, folder.path()); }));
      const TrainResult found = run_training(case_of(to.shape, to.zero, dtype), folder.path());
      EXPECT_EQ(found.outcome.resumed_from, 3);
      EXPECT_LE(relative_difference(found.weights[0].to(at::kDouble), wanted.weights[0].to(at::kDouble)),
                dtype == at::kDouble ? 1e-10 : 1e-2);
    }
  }
}

TEST(TrainZeroCheckpoint, InItsOwnSeatContinuesToTheSameBits) {
  for (const ZeroStage zero : {kGradients, kWeights}) {
    TrainCase c = case_of({1, 2}, zero, at::kBFloat16);
    c.recipe.checkpoint_every = 2;  // beside the steps
    const TempDir whole, parts;
    const TrainResult wanted = run_training(c, whole.path());
    TrainCase stopped = c;
    stopped.stop_after = 3;
    EXPECT_TRUE(error_of([&] { run_training(stopped, parts.path()); }));
    const TrainResult found = run_training(c, parts.path());
    EXPECT_EQ(found.outcome.resumed_from, 3);
    EXPECT_TRUE(at::equal(found.weights[0], wanted.weights[0]));
    EXPECT_EQ(losses_in(parts.path()), losses_in(whole.path()));
  }
}

// --- Numbers.

thread_local int rank_here = 0;

// Leaves a NaN in one gradient of one rank, in its third pass.
class Injecting : public ShardedParameters {
 public:
  using ShardedParameters::ShardedParameters;
  Leased acquire(ParameterUnit unit, LeaseOf of) override {
    const Leased leased = ShardedParameters::acquire(unit, of);
    if (unit == ParameterUnit::block(1) && of != LeaseOf::kWeights && ++passes_ == 3 &&
        rank_here == bad_rank) {
      leased.gradients.block.down[3][5] = std::numeric_limits<double>::quiet_NaN();
    }
    return leased;
  }
  static inline int bad_rank = -1;

 private:
  int passes_ = 0;
};

TEST(TrainZeroNumbers, AGradientOfOneRankIsNamedAndMakesNoUpdateAnywhere) {
  for (const ZeroStage zero : {kGradients, kWeights}) {
    for (const MeshShape shape : {MeshShape{1, 2}, MeshShape{2, 2}}) {
      TrainCase c = case_of(shape, zero);
      c.recipe.steps = 5;
      c.make_store = [zero](TinyRank& rank) {
        rank_here = rank.mesh.world().rank();
        return shared_out<Injecting>(rank, zero);
      };
      Injecting::bad_rank = 1;
      const TempDir folder;
      TrainResult result;
      const std::string said = printed_by([&] { result = run_training(c, folder.path()); });
      EXPECT_EQ(result.outcome.skipped_steps, 1);
      EXPECT_THAT(said, AllOf(HasSubstr("tune: step 3 is not finite, its update is skipped"),
                              HasSubstr("the gradient of model.layers.1.mlp.down_proj.weight on rank 1"),
                              HasSubstr("computed again, each of its windows is finite")));
      EXPECT_TRUE(result.weights[0].isfinite().all().item<bool>());
    }
  }
}

// A weight that only its owner holds.
TEST(TrainZeroNumbers, AWeightThatTurnsNaNIsNeverSaved) {
  TrainCase c = case_of({1, 2}, kWeights);
  c.recipe.checkpoint_every = 2;
  ParameterStore* stores[2] = {};
  c.make_store = [&](TinyRank& rank) {
    rank_here = rank.mesh.world().rank();
    auto store = shared_out(rank, kWeights);
    stores[rank_here] = store.get();
    return store;
  };
  c.after_step = [&](TinyRank& rank, int64_t step) {
    if (step != 4 || rank.mesh.world().rank() != 1) return;
    // A row that no text reads: no loss will tell.
    for (const auto& held : stores[1]->held_weights()) {
      if (stores[1]->name_at(held.begin) != "model.embed_tokens.weight") continue;
      held.flat[held.flat.numel() - 1] = std::numeric_limits<double>::quiet_NaN();
    }
  };
  const TempDir folder;
  const auto error = error_of([&] { run_training(c, folder.path()); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::kNumerics);
  EXPECT_THAT(error->what(), AllOf(HasSubstr("tune: after step 4, not saved"),
                                   HasSubstr("weight model.embed_tokens.weight on rank 1")));
  EXPECT_FALSE(std::filesystem::exists(folder / "checkpoints/step-000004"));
}

}  // namespace
}  // namespace ropeway
