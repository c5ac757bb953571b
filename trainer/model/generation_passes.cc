// A CausalLM generates: the passes that read a sequence into a cache and go on from there.
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "kernels/base/pass_progress.h"
#include "kernels/ops/rope_ops.h"
#include "parallel/attention/sharded_keys.h"
#include "parallel/comm/communicator.h"
#include "trainer/family/sliding_window.h"
#include "trainer/model/engine.h"
#include "trainer/model/key_cache.h"

namespace ropeway {
namespace {

constexpr int64_t kTurnedTokens = 4096;  // whose keys are rotated anew at a time

// The row of the last token of a sequence that is spread over ranks: whoever has it gives it to all. x [n, C].
at::Tensor last_row(const at::Tensor& x, const SequenceLayout& layout, Communicator& group) {
  const int64_t last = layout.longest() - 1;
  const auto row_of = [&](int rank) {
    const std::vector<int64_t> positions = layout.positions_of(rank, 0);
    const auto found = std::ranges::lower_bound(positions, last);
    return found != positions.end() && *found == last ? found - positions.begin() : -1;
  };
  int owner = 0;
  while (row_of(owner) < 0) ++owner;
  if (group.size() == 1) return x.narrow(0, row_of(0), 1);
  const at::Tensor row = owner == group.rank() ? x.narrow(0, row_of(owner), 1).to(at::kCPU).contiguous()
                                               : at::empty({1, x.size(1)}, x.options().device(at::kCPU));
  group.broadcast(row.mutable_data_ptr(), static_cast<int64_t>(row.nbytes()), owner);
  return row.to(x.device());
}

}  // namespace

// x [1, C].
at::Tensor CausalLM::Engine::logits(const at::Tensor& x) {
  const ParameterLease lease(store, ParameterUnit::head(), LeaseOf::kWeights);
  const at::Tensor on_host = head.logits(lease.weights(), x).select(0, 0).to(at::kCPU);
  if (hooks.check_exchange) hooks.check_exchange();
  return on_host;
}

std::unique_ptr<KeyCache> CausalLM::make_cache(Communicator& group, bool keeps_unrotated) const {
  return std::make_unique<KeyCache>(engine_->config, engine_->tensor_options, group,
                                    engine_->attention.split().chunk_multiple, keeps_unrotated);
}

at::Tensor CausalLM::read(const std::vector<int32_t>& sequence, const FactorSet& factors, KeyCache& cache) {
  Engine& e = *engine_;
  const LocalBatch batch = make_local_batch({sequence}, {}, e.attention.split(), at::kFloat);
  e.check(batch, factors);
  const Engine::Pass pass{e.placed(batch), e.windowed(batch.layout), factors, true};
  cache.begin(batch.layout.positions(0), static_cast<int64_t>(sequence.size()));
  const at::Tensor x = e.forward_only(pass, &cache);
  cache.end_reading();
  return e.logits(last_row(x, batch.layout, cache.group()));
}

at::Tensor CausalLM::extend(const std::vector<int32_t>& tokens, const FactorSet& factors, KeyCache& cache) {
  Engine& e = *engine_;
  const auto count = static_cast<int64_t>(tokens.size());
  ROPEWAY_CHECK(count > 0 && cache.length() > 0, "{} tokens follow on {}", count, cache.length());
  const at::Tensor ids = at::tensor(tokens, at::kInt).to(at::kLong);
  e.check_ids(ids, 0, "token");
  e.check(factors);
  require_within_sliding_window(e.config, cache.length() + count, "a sequence");
  std::vector<int64_t> positions(tokens.size());
  std::iota(positions.begin(), positions.end(), cache.length());
  cache.extend(count);
  // These tokens: every rank has them all.
  const SequenceLayout alone({.placement = Placement::kContiguous}, 1, count);
  const at::Tensor x = e.stream.shaped({count, e.config.hidden_size}, e.tensor_options);
  PassScope progress(PassPhase::kForward, e.config.num_layers);
  e.embed(ids.to(e.tensor_options.device()), x);
  for (int64_t layer = 0; layer < e.config.num_layers; ++layer) {
    progress.block(layer);
    const ParameterLease lease(e.store, ParameterUnit::block(layer), LeaseOf::kWeights);
    e.store.expect(e.after(layer), LeaseOf::kWeights);
    const auto attend = [&](const NewHeads& heads) {
      cache.store_last(layer, heads.rows, count);
      return attend_to_sharded_keys(cache.group(), {.q = heads.q,
                                                    .keys = cache.keys(layer),
                                                    .values = cache.values(layer),
                                                    .seen = cache.seen_by_last(layer, count),
                                                    .scale = e.config.score_scale(),
                                                    .softcap = e.config.attention_softcap});
    };
    e.block.extend(lease.weights().block, e.step_rope_of(factors, layer, positions), alone,
                   cache.keeps_unrotated(layer), attend, x);
  }
  return e.logits(x.narrow(0, count - 1, 1));
}

void CausalLM::turn(const FactorSet& factors, KeyCache& cache) {
  Engine& e = *engine_;
  e.check(factors);
  // Layers whose rows are of the same tokens share tables.
  std::map<const std::vector<int64_t>*, std::vector<int64_t>> layers;
  for (int64_t layer = 0; layer < e.config.num_layers; ++layer) {
    if (e.config.takes_factors(layer)) layers[&cache.positions(layer)].push_back(layer);
  }
  for (const auto& [positions, of_them] : layers) e.turn_layers(*positions, of_them, factors, cache);
}

void CausalLM::Engine::turn_layers(const std::vector<int64_t>& positions, const std::vector<int64_t>& layers,
                                   const FactorSet& factors, KeyCache& cache) {
  const auto rows = static_cast<int64_t>(positions.size());
  for (int64_t begin = 0; begin < rows; begin += kTurnedTokens) {
    const int64_t count = std::min(kTurnedTokens, rows - begin);
    const std::vector<int64_t> some(positions.begin() + begin, positions.begin() + begin + count);
    for (const int64_t layer : layers) {
      ROPEWAY_CHECK(cache.keeps_unrotated(layer), "keys are kept as they were rotated alone");
      const RopeTables tables = step_ropes.get(factors, layer, some, false);
      const auto rows_of = [&](const at::Tensor& kept) {
        return kept.narrow(1, begin, count).transpose(0, 1);
      };
      const at::Tensor turned = rows_of(cache.unrotated(layer)).contiguous();
      ops::rope_(turned, tables.cos, tables.sin, config.interleaved_rope);
      rows_of(cache.keys(layer)).copy_(turned);
    }
  }
}

}  // namespace ropeway
