// Short training runs of a tiny model on thread-ranks, and what they leave behind.
#pragma once

#include <ATen/ops/cat.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "parallel/comm/stop_agreement.h"
#include "parallel/comm/thread_world.h"
#include "tests/support/corpus.h"
#include "tests/support/tiny_rank.h"
#include "trainer/finetune/train_loop.h"
#include "trainer/model/sharded_parameters.h"
#include "trainer/plan/make_plan.h"
#include "trainer/tokenizer/byte_tokenizer.h"

namespace ropeway {

inline TrainRecipe short_recipe() {
  TrainRecipe recipe;
  recipe.length = 32;
  recipe.batch_sequences = 4;
  recipe.steps = 6;
  recipe.learning_rate = 3e-3;
  recipe.warmup_steps = 2;
  recipe.weight_decay = 0.1;
  recipe.passkey_answer_weight = 3;
  return recipe;
}

struct TrainCase {
  TrainRecipe recipe = short_recipe();
  MeshShape shape;
  at::ScalarType dtype = at::kDouble;
  ModelConfig config = tiny_config();
  std::vector<std::string> texts = {random_letters(300, 1), random_letters(200, 2)};
  int64_t compare_every = 0;  // steps between two comparisons of the ranks' copies
  int64_t stop_after = 0;     // this many steps of one run; 0: never
  std::string data_fingerprint = "data", recipe_sha256 = "recipe";
  double factor = 1.5;  // of every pair
  DocumentMask mask = DocumentMask::kNone;
  int64_t short_length = 8;  // of documents in short windows, where the recipe mixes some in
  std::function<void(TinyRank&)> before_train;  // on every rank
  std::function<void(TinyRank&, int64_t step)>
      after_step;  // on every rank, before a checkpoint; not the last
  std::function<bool(int rank, int64_t steps)>
      asks;  // for a stop, after so many steps; empty: without an agreement
  ZeroStage zero =
      ZeroStage::kOptimizerState;  // from kGradients on in a store of shares, filled from the rank's own
  // Makes the store to train through, over the rank's own; empty: the rank's own, or that of shares.
  std::function<std::unique_ptr<ParameterStore>(TinyRank&)> make_store;

  FactorSet factors(const CausalLM& model) const {
    FactorSet set = model.identity();
    set.name = "searched";
    set.max_length = 128;
    for (double& value : set.factors) value = factor;
    return set;
  }
  EnginePlan plan() const {
    return {.mesh = shape,
            .zero = zero,
            .narrow_moments = recipe.moments == DType::kBF16,
            .micro_batch = micro_batch_of(workload_of(recipe), shape)};
  }
  WindowOptions windows() const {
    return {.length = recipe.length,
            .seed = 5,
            .mask = mask,
            .passkey_fraction = recipe.passkey_fraction,
            .passkey_answer_weight = recipe.passkey_answer_weight,
            .short_share = recipe.short_share,
            .short_length = short_length,
            .skip = {.target = recipe.skip_target, .chunks = recipe.skip_chunks}};
  }
};

// A store of shares with the weights of `from`.
template <typename Store = ShardedParameters>
std::unique_ptr<ParameterStore> shared_out(TinyRank& from, ZeroStage zero) {
  auto store = std::make_unique<Store>(from.model.config(), from.store.flat_weights().scalar_type(), at::kCPU,
                                       unowned(from.mesh.world()),
                                       zero == ZeroStage::kWeights ? ShardedParameters::Weights::kSharded
                                                                   : ShardedParameters::Weights::kWhole);
  for (const NamedTensor& weight : from.store.weights_on_host(true)) {
    store->set_weight(weight.name, weight.tensor);
  }
  return store;
}

// All weights of a store, on every rank.
inline at::Tensor flat_weights_of(ParameterStore& store) {
  std::vector<at::Tensor> parts;
  for (const NamedTensor& weight : store.weights_on_host(true)) parts.push_back(weight.tensor.flatten());
  return at::cat(parts);
}

struct TrainResult {
  std::vector<at::Tensor> weights;  // flat, one per rank
  TrainOutcome outcome;             // of rank 0
};

// Trains in `folder` (metrics.jsonl, checkpoints/); an Error of the loop is thrown on.
inline TrainResult run_training(const TrainCase& c, const std::filesystem::path& folder) {
  const Corpus corpus(c.texts);
  const auto tokenizer = make_byte_tokenizer();
  const WindowSampler windows(*corpus, *tokenizer, c.windows());
  TrainResult result;
  result.weights.resize(static_cast<size_t>(c.shape.data * c.shape.sequence));
  run_thread_world(c.shape.data * c.shape.sequence, [&](Communicator& world) {
    TinyRank rank(world, c.shape, c.dtype, c.plan(), c.config);
    if (c.before_train) c.before_train(rank);
    Reporter reporter(folder, world.rank() == 0);
    std::atomic<int64_t> steps{0};
    std::unique_ptr<StopAgreement> stop;
    if (c.asks) {
      stop = std::make_unique<StopAgreement>(
          world, StopAgreement::Options{.asked = [&] { return c.asks(world.rank(), steps); },
                                        .period = std::chrono::milliseconds(1),
                                        .patience = std::chrono::milliseconds(0)});
    }
    TrainContext context;
    context.stop = stop.get();
    std::unique_ptr<ParameterStore> other;
    if (c.make_store) {
      other = c.make_store(rank);
    } else if (c.zero != ZeroStage::kOptimizerState) {
      other = shared_out(rank, c.zero);
    }
    ParameterStore& store = other ? *other : rank.store;
    CausalLM model(rank.model.config(), store, rank.ring, rank.model.plan());
    context.model = &model;
    context.parameters = &store;
    context.mesh = &rank.mesh;
    context.exchange = &world;
    context.windows = &windows;
    context.reporter = &reporter;
    context.factors = c.factors(model);
    if (c.recipe.short_share > 0) context.short_factors = model.identity();
    context.checkpoint_folder = folder / "checkpoints";
    context.stage_name = "tune";
    context.recipe_sha256 = c.recipe_sha256;
    context.data_fingerprint = c.data_fingerprint;
    context.compare_every = c.compare_every;
    context.should_stop = [&] {
      ++steps;
      if (c.after_step) c.after_step(rank, steps);
      return steps == c.stop_after;
    };
    const TrainOutcome outcome = train(c.recipe, context);
    result.weights[static_cast<size_t>(world.rank())] = flat_weights_of(
        c.zero == ZeroStage::kOptimizerState ? static_cast<ParameterStore&>(rank.store) : store);
    if (world.rank() == 0) result.outcome = outcome;
  });
  return result;
}

// What the work prints on stderr.
inline std::string printed_by(const std::function<void()>& work) {
  ::testing::internal::CaptureStderr();
  work();
  return ::testing::internal::GetCapturedStderr();
}

// "loss" of every step on record; not a number where the record has none.
inline std::vector<double> losses_in(const std::filesystem::path& folder) {
  std::istringstream lines(read_bytes(folder / "metrics.jsonl"));
  std::vector<double> losses;
  for (std::string line; std::getline(lines, line);) {
    const nlohmann::json record = nlohmann::json::parse(line);
    if (record["kind"] != "step") continue;
    EXPECT_EQ(record["step"], losses.size() + 1);
    losses.push_back(record["loss"].is_null() ? std::nan("") : record["loss"].get<double>());
  }
  return losses;
}

// The losses of predictions, and how many these are.
struct SummedLoss {
  double sum = 0, count = 0;
  double mean() const { return sum / count; }
};
// Adds those of each document of the window, scored by itself.
inline void add_documents_alone(TinyRank& alone, const Window& window, const FactorSet& factors,
                                SummedLoss& loss) {
  for (size_t d = 0; d < window.documents.size(); ++d) {
    const auto from = window.tokens.begin() + window.documents[d];
    const auto to = d + 1 < window.documents.size() ? window.tokens.begin() + window.documents[d + 1]
                                                    : window.tokens.end();
    const LocalBatch batch = make_local_batch({{from, to}}, {}, alone.ring.split(), at::kDouble);
    loss.sum += alone.model.evaluate(batch, factors).nll.sum().item<double>();
    loss.count += static_cast<double>(to - from - 1);
  }
}

// On each of these meshes the run, of one step, has this loss.
inline void expect_loss_on(const std::vector<MeshShape>& meshes, TrainCase c, double loss) {
  for (const MeshShape shape : meshes) {
    const TempDir folder;
    c.shape = shape;
    run_training(c, folder.path());
    const std::vector<double> losses = losses_in(folder.path());
    ASSERT_EQ(losses.size(), 1u);
    EXPECT_NEAR(losses[0], loss, 1e-12 * losses[0]) << shape.data << " x " << shape.sequence;
  }
}

}  // namespace ropeway
