#include "tests/trainer/model/model_case.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <optional>

#include "kernels/base/random.h"
#include "kernels/loss/cross_entropy.h"
#include "parallel/attention/ring_attention.h"
#include "parallel/comm/thread_world.h"
#include "tests/support/model_shape.h"
#include "tests/trainer/model/copied_parameters.h"
#include "trainer/family/weight_names.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/model/resident_parameters.h"
#include "trainer/model/sharded_parameters.h"

namespace ropeway::testing {

std::map<std::string, at::Tensor> random_weights(const ModelConfig& config, uint64_t seed) {
  std::map<std::string, at::Tensor> weights;
  uint64_t index = 0;
  for (const NamedShape& named : weight_names(config)) {
    Philox draws(seed, Stream::kInit, ++index, 99);
    at::Tensor weight = at::empty(named.shape, at::kDouble);
    const bool is_bias = named.name.ends_with(".bias"), is_norm = named.shape.size() == 1 && !is_bias;
    const double size = is_norm || is_bias ? 0.3 : 0.7 / std::sqrt(static_cast<double>(named.shape.back()));
    double* w = weight.data_ptr<double>();
    for (int64_t i = 0; i < weight.numel(); ++i)
      w[i] = (is_norm ? 1 - config.norm_offset() : 0) + size * draws.normal();
    weights[named.name] = weight.to(at::kFloat).to(at::kDouble);
  }
  return weights;
}

at::Tensor random_direction(const ModelConfig& config, uint64_t seed) {
  Philox draws(seed, Stream::kMutation, 0, 99);
  at::Tensor direction = at::empty({config.num_parameters()}, at::kDouble);
  double* d = direction.data_ptr<double>();
  for (int64_t i = 0; i < direction.numel(); ++i) d[i] = draws.normal();
  return direction;
}

std::map<std::string, at::Tensor> weights_of(const ModelCase& c) {
  std::map<std::string, at::Tensor> weights = random_weights(c.config, c.seed);
  int64_t offset = 0;
  for (const NamedShape& named : weight_names(c.config)) {
    at::Tensor& weight = weights.at(named.name);
    if (c.displacement.defined())
      weight += c.displacement.narrow(0, offset, weight.numel()).view(named.shape);
    if (c.round_weights_to_bfloat16) weight = weight.to(at::kBFloat16).to(at::kDouble);
    offset += weight.numel();
  }
  return weights;
}

LocalBatch whole_batch(const ModelCase& c) {
  return {c.tokens, c.labels, c.weights, SequenceLayout({}, c.tokens.size(0), c.tokens.size(1))};
}

ModelCase make_case(const CaseOptions& o) {
  ModelCase c;
  c.seed = o.seed;
  c.config = make_config({.family = o.family,
                          .vocab = o.vocab,
                          .hidden = o.hidden,
                          .intermediate = o.intermediate,
                          .layers = o.layers,
                          .heads = o.heads,
                          .kv_heads = o.kv_heads,
                          .head_dim = o.head_dim,
                          .window = 8,
                          .rope_theta = 500,
                          .tied = o.tied});
  c.config.qkv_bias = o.qkv_bias;
  c.config.output_bias = o.output_bias;
  c.config.mlp_bias = o.mlp_bias;
  c.config.qk_norm = o.qk_norm;
  c.config.rotary_dim = o.rotary_dim;
  if (o.change) o.change(c.config);

  Philox draws(o.seed, Stream::kSearchData, 0, 99);
  c.factors.name = "test";
  c.factors.max_length = o.length;
  c.factors.original_length = 8;
  c.factors.rope_theta = c.config.rope_theta;
  c.factors.attention_temperature = o.temperature;
  c.factors.start_tokens = o.start_tokens;
  const int64_t rows = o.per_layer_factors ? o.layers : 1;
  for (int64_t i = 0; i < rows * c.config.rotary_pairs(); ++i)
    c.factors.factors.push_back(1 + 2 * draws.uniform());

  c.tokens = at::empty({o.sequences, o.length}, at::kLong);
  c.labels = at::empty({o.sequences, o.length}, at::kLong);
  at::Tensor weights = at::empty({o.sequences, o.length}, at::kDouble);
  double sum = 0;
  for (int64_t b = 0; b < o.sequences; ++b) {
    for (int64_t t = 0; t < o.length; ++t) {
      c.tokens.data_ptr<int64_t>()[b * o.length + t] =
          static_cast<int64_t>(draws.below(static_cast<uint64_t>(o.vocab)));
      // The first third of each sequence is mostly unscored: ranks then hold very different numbers of
      // labels.
      const bool scored = t + 1 < o.length && draws.uniform() > (3 * t < o.length ? 0.8 : 0.15);
      c.labels.data_ptr<int64_t>()[b * o.length + t] =
          scored ? static_cast<int64_t>(draws.below(static_cast<uint64_t>(o.vocab))) : kIgnoredLabel;
      const double weight = o.weighted ? 0.25 * static_cast<double>(1 + draws.below(12)) : 1;
      weights.data_ptr<double>()[b * o.length + t] = weight;
      if (scored) sum += weight;
    }
  }
  if (o.weighted) c.weights = weights;
  c.loss_scale = 1 / sum;
  return c;
}

namespace {

void take_shares(ShardedParameters& shards, Communicator& group, EngineResult& result) {
  const std::unique_ptr<OptimizerShard> shard = shards.optimizer_shard(group);
  result.gradient_norm = shard->sum_gradients();
  int64_t at = 0;
  for (const FlatRange& piece : shard->pieces()) {
    result.flat_gradients.narrow(0, piece.begin, piece.size())
        .copy_(shard->gradients().narrow(0, at, piece.size()));
    at += piece.size();
  }
  result.gathers = shards.counts().gathers;
  result.reductions = shards.counts().reductions;
}

}  // namespace

EngineResult run_engine(const ModelCase& c, const EngineRun& run, Communicator& group) {
  ResidentParameters home(c.config, run.dtype);
  for (const auto& [name, weight] : weights_of(c)) home.set_weight(name, weight);
  CopiedParameters copies(home);
  std::optional<ShardedParameters> shards;
  if (run.zero != ZeroStage::kOptimizerState) {
    shards.emplace(c.config, run.dtype, at::kCPU, unowned(group),
                   run.zero == ZeroStage::kWeights ? ShardedParameters::Weights::kSharded
                                                   : ShardedParameters::Weights::kWhole);
    for (const auto& [name, weight] : weights_of(c)) shards->set_weight(name, weight);
  }
  ParameterStore& store = shards                  ? static_cast<ParameterStore&>(*shards)
                          : run.copied_parameters ? static_cast<ParameterStore&>(copies)
                                                  : home;
  const std::unique_ptr<SequenceAttention> attention =
      run.make_attention ? run.make_attention(group, run.placement)
                         : std::make_unique<RingAttention>(group, run.placement);
  CausalLM model(c.config, store, *attention, run.plan, run.hooks);

  LocalBatch batch;
  batch.layout = SequenceLayout(attention->split(), c.tokens.size(0), c.tokens.size(1));
  const at::Tensor index = at::tensor(batch.layout.positions(0), at::kLong);
  const at::ScalarType acc = run.dtype == at::kDouble ? at::kDouble : at::kFloat;
  batch.tokens = c.tokens.index_select(1, index);
  batch.labels = c.labels.index_select(1, index);
  if (c.weights.defined()) batch.weights = c.weights.index_select(1, index).to(acc);

  EngineResult result;
  const CausalLM::TokenResults scored = model.evaluate(batch, c.factors);
  result.nll = at::zeros(c.tokens.sizes(), at::kDouble);
  result.nll.index_copy_(1, index, scored.nll.to(at::kDouble));
  result.correct = at::zeros(c.tokens.sizes(), at::kDouble);
  result.correct.index_copy_(1, index, scored.correct.to(at::kDouble));
  if (run.factor_gradient) {
    const CausalLM::FactorResult found = model.factor_gradient(batch, c.factors, c.loss_scale);
    result.loss = found.loss;
    result.factors = found.gradient;
  } else {
    for (int i = 0; i < run.repetitions; ++i) {
      result.loss = model.forward_backward(batch, c.factors, c.loss_scale);
    }
  }
  result.complaints = copies.complaints();
  result.flat_gradients = home.flat_gradients().to(at::kDouble).clone();
  if (shards) take_shares(*shards, group, result);
  result.activation_bytes = model.activation_bytes();
  return result;
}

EngineResult run_on_threads(const ModelCase& c, const EngineRun& run, int ranks) {
  std::vector<EngineResult> shares(static_cast<size_t>(ranks));
  run_thread_world(ranks, [&](Communicator& group) {
    shares[static_cast<size_t>(group.rank())] = run_engine(c, run, group);
  });
  EngineResult sum = shares[0];
  for (size_t r = 1; r < shares.size(); ++r) {
    sum.loss += shares[r].loss;
    sum.flat_gradients.add_(shares[r].flat_gradients);
    sum.nll.add_(shares[r].nll);
    sum.correct.add_(shares[r].correct);
    sum.complaints.insert(sum.complaints.end(), shares[r].complaints.begin(), shares[r].complaints.end());
    for (size_t i = 0; i < sum.factors.log_factors.size(); ++i) {
      sum.factors.log_factors[i] += shares[r].factors.log_factors[i];
    }
    sum.factors.log_temperature += shares[r].factors.log_temperature;
  }
  return sum;
}

PlainResult run_plain(const ModelCase& c, at::ScalarType dtype) {
  std::map<std::string, at::Tensor> weights = weights_of(c);
  for (auto& [name, weight] : weights) weight = weight.to(dtype);
  PlainLlama plain(c.config, weights, c.factors);
  const PlainLlama::Output out =
      plain.run(c.tokens, c.labels, c.weights.defined() ? c.weights.to(dtype) : at::Tensor(), c.loss_scale);
  out.loss.backward();
  PlainResult result;
  result.loss = out.loss.item<double>();
  result.nll = out.nll.detach();
  result.logits = out.logits.detach();
  std::vector<at::Tensor> gradients;
  for (const NamedShape& named : weight_names(c.config))
    gradients.push_back(plain.gradient(named.name).flatten());
  result.flat_gradients = at::cat(gradients);
  result.log_factors = plain.log_factor_gradient();
  result.log_temperature = plain.log_temperature_gradient().item<double>();
  result.term_norms = plain.term_norms();
  return result;
}

double relative_error(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor expected = b.to(at::kDouble);
  return ((a.to(at::kDouble) - expected).norm() / expected.norm()).item<double>();
}

WorstParameter worst_parameter(const ModelConfig& config, const at::Tensor& flat,
                               const at::Tensor& expected) {
  WorstParameter worst;
  int64_t offset = 0;
  for (const NamedShape& named : weight_names(config)) {
    int64_t count = 1;
    for (const int64_t size : named.shape) count *= size;
    const double error = relative_error(flat.narrow(0, offset, count), expected.narrow(0, offset, count));
    if (!(error <= worst.error)) worst = {error, named.name};
    offset += count;
  }
  return worst;
}

}  // namespace ropeway::testing
