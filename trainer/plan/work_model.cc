#include "trainer/plan/work_model.h"

#include <algorithm>

#include "parallel/layout/head_shares.h"

namespace ropeway {

Work pass_work(const ModelConfig& config, Pass pass, int64_t length, const WorkOptions& options) {
  const BlockWidths width(config);
  const auto layers = static_cast<double>(config.num_layers), tokens = static_cast<double>(length);
  const auto c = static_cast<double>(width.hidden), q = static_cast<double>(width.queries),
             i = static_cast<double>(width.intermediate);
  const double projections = c * static_cast<double>(width.qkv) + q * c;
  const bool sparse = config.num_experts > 0;
  const double mlp = sparse ? 3 * c * i * static_cast<double>(config.experts_per_token) +
                                  c * static_cast<double>(config.num_experts)
                            : 3 * c * i;
  const double weights = layers * (projections + mlp) + static_cast<double>(config.vocab_size) * c;
  const double seen = options.document > 0 ? std::min(static_cast<double>(options.document), tokens) : tokens;
  double square = seen * seen * q * layers;  // 2 of these per document: scores and their product with V
  for (int64_t layer = 0; layer < config.num_layers && config.sliding_window > 0; ++layer) {
    const auto window = static_cast<double>(config.window_of_layer(layer));
    if (window > 0 && window < seen) square -= q * (seen - window) * (seen - window);
  }
  if (seen < tokens) square *= tokens / seen;

  Work work{.dense = 2 * weights * tokens, .attention_forward = 2 * square};
  if (pass == Pass::kEvaluate) return work;
  work.dense += (pass == Pass::kTrain ? 4 : 2) * weights * tokens;
  // Gate and up are computed again, down is not: nothing needs its result. Head norms need q and k before
  // them.
  double again = projections + (sparse ? 0 : 2 * c * i);
  if (config.qk_norm) again += c * static_cast<double>(width.queries + width.keys);
  work.dense += 2 * again * tokens * (layers - options.kept_blocks);
  // The weights of experts want the experts' results, in kept blocks too.
  if (sparse) work.dense += 2 * mlp * tokens * layers;
  // Norms of what attention and MLP give need it before them, in kept blocks too.
  if (config.output_norms) work.dense += 2 * (q * c + c * i) * tokens * layers;
  work.attention_backward = (options.save_attention ? 5 : 7) * square;
  return work;
}

AttentionTraffic attention_traffic(const ModelConfig& config, Pass pass, int64_t local_length,
                                   const MeshShape& mesh, DType dtype) {
  const double layers = static_cast<double>(config.num_layers),
               element = static_cast<double>(bytes_of(dtype));
  const double acc = dtype == DType::kF64 ? 8 : 4, ring = mesh.ring(), heads = mesh.heads;
  // Numbers of a layer: of queries, and of keys and values with those that neighbours have twice.
  const double queries = static_cast<double>(local_length * BlockWidths(config).queries);
  const double pair = 2 * static_cast<double>(local_length * config.head_dim) *
                      static_cast<double>(mesh.heads * heads_of_rank(config.num_kv_heads, mesh.heads));
  const bool has_backward = pass != Pass::kEvaluate;
  AttentionTraffic traffic;
  if (mesh.ring() > 1) {
    traffic.ring_forward = (ring - 1) * layers * pair * element;
    if (has_backward) traffic.ring_backward = layers * pair * ((ring - 1) * element + ring * acc);
  }
  double numbers = (2 * queries + pair) * element;
  if (has_backward) numbers += (3 * queries + pair) * element + (queries + pair) * acc;
  traffic.heads = (heads - 1) / heads * layers * numbers;
  return traffic;
}

}  // namespace ropeway
