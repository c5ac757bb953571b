// A session against the same parts put together by hand, and what of it stays from plan to plan.
#include "trainer/model/model_session.h"

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "parallel/attention/ring_attention.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/mesh.h"
#include "parallel/comm/thread_world.h"
#include "parallel/comm/world_of_one.h"
#include "tests/support/small_model.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/formats/hf/save_model_dir.h"
#include "trainer/model/causal_lm.h"
#include "trainer/model/initial_weights.h"
#include "trainer/model/resident_parameters.h"
#include "trainer/model/weight_files.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

const std::vector<std::vector<int32_t>> kSequences = {{1, 5, 3, 2, 7, 7, 1, 4, 2, 6, 3, 3, 1, 8, 9, 2}};

EnginePlan plan_of(DType dtype, int64_t tile_tokens = 2048) {
  return {.dtype = dtype, .tile_tokens = tile_tokens};
}

class ModelSessionTest : public FolderTest {
 protected:
  // A directory with the weights that initialize_weights makes of this seed.
  fs::path saved(uint64_t seed) const {
    const fs::path path = folder_ / fmt::format("model-{}", seed);
    ResidentParameters made(small_config(), at::kFloat);
    initialize_weights(made, small_config(), seed);
    save_model_dir(path, small_config(), {}, tensors_to_write(made.weights_on_host(true)), {});
    return path;
  }
  // Losses of the sequences by this model.
  static at::Tensor losses(CausalLM& model) {
    return model
        .evaluate(make_local_batch(kSequences, {}, model.attention().split(), at::kFloat), model.identity())
        .nll;
  }
  at::Tensor losses() { return losses(session_.model()); }
  // Of weights made from this seed, by parts put together here.
  at::Tensor expected(uint64_t seed) const {
    ResidentParameters weights(small_config(), at::kFloat);
    initialize_weights(weights, small_config(), seed);
    RingAttention attention(mesh_.group(Axis::kSequence), Placement::kZigzag);
    CausalLM model(small_config(), weights, attention, {});
    return losses(model);
  }

  std::unique_ptr<Communicator> world_ = make_world_of_one();
  Mesh mesh_{*world_, {}};
  ModelSession session_{small_config(), model_place(mesh_, nullptr)};
};

TEST_F(ModelSessionTest, ComputesWhatItsPartsDo) {
  session_.begin(plan_of(DType::kF32));
  session_.load(saved(3));
  EXPECT_TRUE(at::equal(losses(), expected(3)));
  session_.initialize(4);
  EXPECT_TRUE(at::equal(losses(), expected(4)));
  EXPECT_FALSE(at::equal(losses(), expected(3)));
}

TEST_F(ModelSessionTest, RanksOfARowShareTheSequence) {
  const at::Tensor alone = expected(3);
  run_thread_world(2, [&](Communicator& world) {
    const Mesh mesh(world, {1, 2});
    ModelSession session(small_config(), model_place(mesh, nullptr));
    session.begin(plan_of(DType::kF32));
    session.initialize(3);
    CausalLM& model = session.model();
    const LocalBatch batch = make_local_batch(kSequences, {}, model.attention().split(), at::kFloat);
    const at::Tensor nll = model.evaluate(batch, model.identity()).nll;
    const std::vector<int64_t> positions = batch.layout.positions(0);
    for (size_t i = 0; i < positions.size(); ++i) {
      EXPECT_NEAR(nll[0][static_cast<int64_t>(i)].item<double>(), alone[0][positions[i]].item<double>(),
                  1e-5);
    }
  });
}

// Rows of the mesh evaluate what they like: the ranks of a row share weights out among themselves.
TEST_F(ModelSessionTest, RanksThatShareWeightsOutEvaluateByRows) {
  const at::Tensor alone = expected(3);
  run_thread_world(4, [&](Communicator& world) {
    const Mesh mesh(world, {2, 2});
    ModelSession session(small_config(), model_place(mesh, nullptr));
    EnginePlan plan = plan_of(DType::kF32);
    plan.mesh = mesh.shape();
    plan.zero = ZeroStage::kWeights;
    session.begin(plan);
    session.initialize(3);
    EXPECT_FALSE(session.parameters().replicated());
    CausalLM& model = session.model();
    const LocalBatch batch = make_local_batch(kSequences, {}, model.attention().split(), at::kFloat);
    const std::vector<int64_t> positions = batch.layout.positions(0);
    for (int pass = 0; pass <= mesh.index(Axis::kData); ++pass) {
      const at::Tensor nll = model.evaluate(batch, model.identity()).nll;
      for (size_t i = 0; i < positions.size(); ++i) {
        EXPECT_NEAR(nll[0][static_cast<int64_t>(i)].item<double>(), alone[0][positions[i]].item<double>(),
                    1e-5);
      }
    }
  });
}

// From stage to stage of a run: weights that lie otherwise than before are to be loaded again, others stay.
TEST_F(ModelSessionTest, WeightsMoveBetweenWaysToShareThemOut) {
  using enum ZeroStage;
  const at::Tensor alone = expected(3);
  run_thread_world(2, [&](Communicator& world) {
    const Mesh mesh(world, {1, 2});
    ModelSession session(small_config(), model_place(mesh, nullptr));
    const auto begin = [&](Pass pass, ZeroStage zero) {
      EnginePlan plan = plan_of(DType::kF32);
      plan.mesh = mesh.shape();
      plan.work.pass = pass;
      plan.zero = zero;
      session.begin(plan);
      session.initialize(3);
      CausalLM& model = session.model();
      const LocalBatch batch = make_local_batch(kSequences, {}, model.attention().split(), at::kFloat);
      const double sum = model.evaluate(batch, model.identity()).nll.sum().item<double>();
      EXPECT_NEAR(all_reduce_sum(world, sum), alone.sum().item<double>(), 1e-4);
      return &session.parameters();
    };
    const ParameterStore* const whole = begin(Pass::kEvaluate, kOptimizerState);
    EXPECT_EQ(begin(Pass::kTrain, kOptimizerState), whole);
    const ParameterStore* const gradients_shared = begin(Pass::kTrain, kGradients);
    EXPECT_EQ(begin(Pass::kEvaluate, kOptimizerState), gradients_shared) << "of gradients there are none";
    EXPECT_TRUE(begin(Pass::kTrain, kOptimizerState)->replicated());
    const ParameterStore* const shared = begin(Pass::kTrain, kWeights);
    EXPECT_FALSE(shared->replicated());
    EXPECT_EQ(begin(Pass::kEvaluate, kWeights), shared) << "one row is all ranks";
    EXPECT_TRUE(begin(Pass::kEvaluate, kOptimizerState)->replicated());
  });
}

// A file that is gone cannot be read again.
TEST_F(ModelSessionTest, HeldWeightsAreNotReadAgain) {
  const fs::path first = saved(3), second = saved(4);
  session_.begin(plan_of(DType::kF32));
  session_.load(first);
  fs::remove_all(first);
  session_.load(first);
  EXPECT_TRUE(at::equal(losses(), expected(3)));
  session_.load(second);
  EXPECT_TRUE(at::equal(losses(), expected(4)));
  expect_error(ErrorKind::kMissingInput, {first.string()}, [&] { session_.load(first); });
}

TEST_F(ModelSessionTest, SavedWeightsAreThoseOfTheirFolder) {
  session_.begin(plan_of(DType::kF32));
  session_.initialize(3);
  session_.saved_to(folder_ / "nowhere");
  session_.load(folder_ / "nowhere");
  EXPECT_TRUE(at::equal(losses(), expected(3)));
  session_.initialize(3);  // no longer known to be those of the seed
  EXPECT_TRUE(at::equal(losses(), expected(3)));
}

TEST_F(ModelSessionTest, WeightsStayFromPlanToPlanAndBuffersGo) {
  session_.begin(plan_of(DType::kF32));
  session_.initialize(3);
  CausalLM& model = session_.model();
  const LocalBatch batch = make_local_batch(kSequences, {}, model.attention().split(), at::kFloat);
  model.forward_backward(batch, model.identity(), 1.0);
  EXPECT_GT(session_.activation_bytes(), 0);
  EXPECT_GT(session_.parameters().bytes().gradients, 0);
  session_.end();
  EXPECT_EQ(session_.activation_bytes(), 0);
  EXPECT_EQ(session_.parameters().bytes().gradients, 0);
  session_.begin(plan_of(DType::kF32, 4));
  EXPECT_TRUE(at::equal(losses(), expected(3)));
}

TEST_F(ModelSessionTest, WithoutAPlanThereIsNoModel) {
  EXPECT_THROW(session_.model(), Error);
  EXPECT_THROW(session_.parameters(), Error);
  session_.begin(plan_of(DType::kF32));
  session_.end();
  EXPECT_THROW(session_.model(), Error);
  EXPECT_NO_THROW(session_.parameters());
}

TEST_F(ModelSessionTest, TheTypeOfTheWeightsStays) {
  session_.begin(plan_of(DType::kF32));
  session_.end();
  EXPECT_THROW(session_.begin(plan_of(DType::kBF16)), Error);
}

}  // namespace
}  // namespace ropeway
