// The store that shares out gradients and weights: the same losses and gradients as weights in place give, on
// any number of ranks; how often it gathers; and what optimizer and files see of it.
#include "trainer/model/sharded_parameters.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <mutex>

#include "kernels/base/error.h"
#include "parallel/comm/thread_world.h"
#include "tests/trainer/model/sharded_cases.h"
#include "trainer/model/initial_weights.h"
#include "trainer/model/resident_parameters.h"
#include "trainer/model/shared_weights.h"

namespace ropeway::testing {
namespace {

const CaseOptions kUntied{.layers = 3, .length = 32}, kTied{.layers = 3, .tied = true, .length = 32};
const CaseOptions kOneBlock{.layers = 1, .length = 32};

CaseOptions experts() {
  CaseOptions options{.family = "mixtral", .length = 32};
  options.change = [](ModelConfig& config) {
    config.num_experts = 4;
    config.experts_per_token = 2;
    config.normalized_experts = true;
  };
  return options;
}

struct StageCase {
  const char* name;
  CaseOptions options;
  int ranks;
  ZeroStage zero;
};

std::vector<StageCase> stage_cases() {
  std::vector<StageCase> cases;
  for (const ZeroStage zero : {ZeroStage::kGradients, ZeroStage::kWeights}) {
    for (const int ranks : {1, 2, 4}) {
      cases.push_back({"Untied", kUntied, ranks, zero});
      cases.push_back({"Tied", kTied, ranks, zero});
    }
    cases.push_back({"OneBlock", kOneBlock, 4, zero});
    cases.push_back({"Experts", experts(), 2, zero});
  }
  return cases;
}

class ZeroStages : public ::testing::TestWithParam<StageCase> {
 protected:
  EngineResult run(at::ScalarType dtype, ZeroStage zero, int repetitions = 1) const {
    return run_on_threads(make_case(GetParam().options),
                          {.dtype = dtype, .plan = {}, .repetitions = repetitions, .zero = zero},
                          GetParam().ranks);
  }
};

TEST_P(ZeroStages, AgreeWithOneProcessInDouble) {
  const EngineResult found = run(at::kDouble, GetParam().zero);
  const ShardedErrors errors = sharded_errors(make_case(GetParam().options), found);
  EXPECT_LE(errors.loss, 1e-12);
  EXPECT_LE(errors.nll, 1e-12);
  EXPECT_LE(errors.worst.error, 1e-10) << errors.worst.name;
  const double norm = found.flat_gradients.norm().item<double>();
  EXPECT_NEAR(found.gradient_norm, norm, 1e-12 * norm);
}

// Sums over ranks go the same way element by element, so one pass gives the very bits of stage 1 but where a
// tied head's share travels by itself.
TEST_P(ZeroStages, GiveTheBitsOfStageOneInFloat) {
  const EngineResult found = run(at::kFloat, GetParam().zero);
  const EngineResult wanted = run(at::kFloat, ZeroStage::kOptimizerState);
  EXPECT_EQ(found.loss, wanted.loss);
  EXPECT_TRUE(at::equal(found.nll, wanted.nll));
  EXPECT_LE(relative_error(found.flat_gradients, wanted.flat_gradients), 2e-6);
  const EngineResult again = run(at::kFloat, GetParam().zero);
  EXPECT_TRUE(at::equal(again.flat_gradients, found.flat_gradients));
}

TEST_P(ZeroStages, PassesAddUpAtHome) {
  const EngineResult once = run(at::kDouble, GetParam().zero), twice = run(at::kDouble, GetParam().zero, 2);
  // What a tied head and the embedding give is added at home one by one: not twice the sum of the two, to the
  // bit.
  EXPECT_LE(relative_error(twice.flat_gradients, once.flat_gradients * 2),
            GetParam().options.tied ? 1e-15 : 0);
}

INSTANTIATE_TEST_SUITE_P(Cases, ZeroStages, ::testing::ValuesIn(stage_cases()), [](const auto& info) {
  return fmt::format("{}Ranks{}Stage{}", info.param.name, info.param.ranks,
                     static_cast<int>(info.param.zero));
});

// --- Exchanges, counted.

// run_engine evaluates, and then trains `repetitions` times.
EngineResult counted(const CaseOptions& options, ZeroStage zero, int repetitions) {
  EngineResult of_rank_0;
  const ModelCase c = make_case(options);
  run_thread_world(2, [&](Communicator& group) {
    const EngineResult own = run_engine(c, {.plan = {}, .repetitions = repetitions, .zero = zero}, group);
    if (group.rank() == 0) of_rank_0 = own;
  });
  return of_rank_0;
}

TEST(ZeroExchanges, AUnitIsGatheredOnceForEachWayButForTheLastBlocks) {
  for (const int64_t layers : {1, 2, 3, 6}) {
    const CaseOptions untied{.layers = layers}, tied{.layers = layers, .tied = true};
    const auto of_a_step = [&](const CaseOptions& options) {
      return counted(options, ZeroStage::kWeights, 2).gathers -
             counted(options, ZeroStage::kWeights, 1).gathers;
    };
    // The step before left blocks 0 and 1 where they are gathered, and a tied model's embedding and norm.
    const int64_t forward = std::max<int64_t>(0, layers - 2), backward = std::max<int64_t>(0, layers - 2);
    EXPECT_EQ(of_a_step(untied), forward + backward + 2) << layers;
    EXPECT_EQ(of_a_step(tied), forward + backward) << layers;
  }
}

TEST(ZeroExchanges, WeightsInPlaceAreNotGatheredByPasses) {
  EXPECT_EQ(counted(kUntied, ZeroStage::kGradients, 2).gathers, 0);
}

TEST(ZeroExchanges, AUnitsGradientsAreReducedOnceInAPass) {
  for (const ZeroStage zero : {ZeroStage::kGradients, ZeroStage::kWeights}) {
    EXPECT_EQ(counted(kUntied, zero, 1).reductions, 3 + 2);
    EXPECT_EQ(counted(kUntied, zero, 2).reductions, 2 * (3 + 2));
    EXPECT_EQ(counted(kTied, zero, 1).reductions, 3 + 3) << "the head's share of the embedding";
  }
}

// --- What others see of the store.

class ZeroStore : public ::testing::TestWithParam<ShardedParameters::Weights> {
 protected:
  // On every rank of three, whose shares are uneven.
  void on_ranks(const std::function<void(ShardedParameters&, Communicator&)>& work) const {
    run_thread_world(3, [&](Communicator& group) {
      ShardedParameters store(config_, at::kFloat, at::kCPU, unowned(group), GetParam());
      initialize_weights(store, config_, 3);
      work(store, group);
    });
  }
  at::Tensor wanted(const std::string& name) const {
    ResidentParameters whole(config_, at::kFloat);
    initialize_weights(whole, config_, 3);
    return whole.weight(name).clone();
  }
  const ModelConfig config_ = make_case(kUntied).config;
};

TEST_P(ZeroStore, GivesAllWeightsByName) {
  on_ranks([&](ShardedParameters& store, Communicator& group) {
    const std::vector<NamedTensor> weights = store.weights_on_host(group.rank() == 1);
    EXPECT_EQ(weights.size(), group.rank() == 1 ? store.names().size() : 0);
    for (const NamedTensor& weight : weights) EXPECT_TRUE(at::equal(weight.tensor, wanted(weight.name)));
  });
}

// As a file of weights is written: rank 0 takes them in the order of their names.
TEST_P(ZeroStore, SharesAreGatheredForAFile) {
  if (GetParam() == ShardedParameters::Weights::kWhole) return;
  on_ranks([&](ShardedParameters& store, Communicator& group) {
    SharedWeights weights(group, store.names(), *store.weight_shards(), store.own_share());
    if (group.rank() == 0) {
      const std::vector<TensorStream> streams = weights.streams();
      EXPECT_EQ(streams.size(), store.names().size());
      for (const TensorStream& stream : streams) {
        stream.produce([&](const void* data, int64_t bytes) {
          const at::Tensor expected = wanted(stream.name);
          EXPECT_EQ(bytes, static_cast<int64_t>(expected.nbytes()));
          EXPECT_EQ(expected.sizes().vec(), stream.shape);
          EXPECT_EQ(std::memcmp(data, expected.const_data_ptr(), expected.nbytes()), 0) << stream.name;
        });
      }
    }
    weights.finish();
  });
}

TEST_P(ZeroStore, PiecesOfTheRanksCoverTheModel) {
  std::vector<int> covered(static_cast<size_t>(config_.num_parameters()));
  std::mutex mutex;
  on_ranks([&](ShardedParameters& store, Communicator& group) {
    const auto shard = store.optimizer_shard(group);
    EXPECT_EQ(shard->total(), config_.num_parameters());
    int64_t own = 0;
    const std::lock_guard lock(mutex);
    for (const FlatRange& piece : shard->pieces()) {
      for (int64_t i = piece.begin; i < piece.end; ++i) {
        ++covered[static_cast<size_t>(i)];
        EXPECT_EQ(store.shards().global_index(own++), i);
      }
    }
    EXPECT_EQ(shard->gradients().numel(), own);
  });
  EXPECT_EQ(covered, std::vector<int>(covered.size(), 1));
}

TEST_P(ZeroStore, NewWeightsReachAllRanks) {
  on_ranks([&](ShardedParameters& store, Communicator& group) {
    const auto before = [&] {
      const ParameterLease lease(store, ParameterUnit::block(1), LeaseOf::kWeights);
      return lease.weights().block.down.clone();
    }();
    const auto shard = store.optimizer_shard(group);
    for (size_t i = 0; i < shard->pieces().size(); ++i) shard->weights(i).mul_(2);
    shard->spread_weights();
    const ParameterLease lease(store, ParameterUnit::block(1), LeaseOf::kWeights);
    EXPECT_TRUE(at::equal(lease.weights().block.down, before * 2));
  });
}

// A tensor's place among the names tells it; the rank alone whose passes made it knows of it.
TEST_P(ZeroStore, NamesTheGradientThatIsNotFinite) {
  on_ranks([&](ShardedParameters& store, Communicator& group) {
    for (const int64_t layer : {2, 1}) {
      const ParameterLease lease(store, ParameterUnit::block(layer), LeaseOf::kGradients);
      if (group.rank() == 1) lease.gradients().block.down[3][2] = std::numeric_limits<double>::infinity();
      lease.gradients_done();
    }
    EXPECT_EQ(store.non_finite_gradient(), group.rank() == 1 ? "model.layers.2.mlp.down_proj.weight" : "");
    EXPECT_FALSE(std::isfinite(store.optimizer_shard(group)->sum_gradients()));
    store.clear_gradients();
    EXPECT_EQ(store.non_finite_gradient(), "");
    EXPECT_EQ(store.optimizer_shard(group)->sum_gradients(), 0);
  });
}

TEST_P(ZeroStore, ReleasedGradientsAreGone) {
  on_ranks([&](ShardedParameters& store, Communicator&) {
    const int64_t weights = store.bytes().weights;
    {
      const ParameterLease lease(store, ParameterUnit::block(0), LeaseOf::kWeightsAndGradients);
      lease.gradients_done();
    }
    EXPECT_GT(store.bytes().gradients, 0);
    store.release_gradients();
    EXPECT_EQ(store.bytes().gradients, 0);
    EXPECT_EQ(store.bytes().weights, weights);
  });
}

INSTANTIATE_TEST_SUITE_P(Weights, ZeroStore,
                         ::testing::Values(ShardedParameters::Weights::kWhole,
                                           ShardedParameters::Weights::kSharded),
                         [](const auto& info) {
                           return info.param == ShardedParameters::Weights::kWhole ? "Whole" : "Sharded";
                         });

}  // namespace
}  // namespace ropeway::testing
