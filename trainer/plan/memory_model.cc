#include "trainer/plan/memory_model.h"

#include <algorithm>

#include "kernels/attention/head_groups.h"
#include "kernels/base/error.h"
#include "parallel/layout/head_shares.h"
#include "parallel/zero/shard_range.h"
#include "parallel/zero/unit_shards.h"

namespace ropeway {
namespace {

// One pass: T tokens, e bytes of an activation, a bytes of a sum.
class PassMemory {
 public:
  PassMemory(const ModelConfig& config, const PassShape& shape, const EnginePlan& plan)
      : config_(config), shape_(shape), plan_(plan), width_(config) {}

  MemoryParts peak() const {
    MemoryParts parts = standing();
    const int64_t kept = kept_attention();
    const Phase phases[] = {attention_forward(),  loss(),         mlp_backward(),
                            attention_backward(), qkv_backward(), embedding_backward()};
    const Phase& most = *std::max_element(std::begin(phases), std::end(phases),
                                          [](const Phase& a, const Phase& b) { return a.sum() < b.sum(); });
    parts.checkpoints += kept;
    parts.transients += most.transients;
    parts.tiles += most.tiles;
    parts.loss += most.loss;
    return parts;
  }

 private:
  // What a phase needs beside what stands.
  struct Phase {
    int64_t transients = 0, tiles = 0, loss = 0;
    int64_t sum() const { return transients + tiles + loss; }
  };

  bool trains() const { return shape_.pass == Pass::kTrain; }
  bool has_backward() const { return shape_.pass != Pass::kEvaluate; }
  bool on_ring() const { return shape_.ring_ranks > 1; }
  bool shares_heads() const { return shape_.head_ranks > 1; }
  int64_t keys() const { return width_.keys_for_heads(shape_.head_ranks); }
  int64_t tokens() const { return shape_.tokens(); }
  int64_t element() const { return bytes_of(plan_.dtype); }
  int64_t acc() const { return plan_.dtype == DType::kF64 ? 8 : 4; }
  int64_t moment() const { return plan_.narrow_moments ? 2 : acc(); }
  bool narrow() const { return element() < acc(); }
  // Products of narrow factors into wide sums: the CPU widens the factors first.
  bool widens() const { return narrow() && !plan_.cuda; }
  int64_t tile() const { return std::min(plan_.tile_tokens, tokens()); }
  int64_t kept_blocks() const {
    return has_backward() ? ropeway::kept_blocks(config_, tokens(), element(), plan_) : 0;
  }
  // One block's attention output and log-sum-exp.
  int64_t attention_bytes() const {
    return tokens() * (width_.queries * element() + config_.num_heads * acc());
  }
  bool saves_attention() const { return has_backward() && plan_.save_attention; }
  int64_t kept_attention() const {
    if (!saves_attention()) return 0;
    const int64_t blocks =
        plan_.offload ? std::min(plan_.offload_slots, config_.num_layers) : config_.num_layers;
    return blocks * attention_bytes();
  }

  // In elements.
  struct Parameters {
    int64_t weights = 0, gradients = 0, optimizer = 0;
    bool own_masters = false;
  };
  // Stage 1: everything, and of the optimizer's state the largest share.
  Parameters whole_parameters() const {
    const int64_t count = config_.num_parameters();
    return {count, count, shard_range(count, shape_.all_ranks, 0).end, narrow()};
  }
  // As ShardedParameters holds them, on rank 0, which has most: its own, and the memory that units take turns
  // in.
  Parameters sharded_parameters() const {
    const bool shares_weights = plan_.zero == ZeroStage::kWeights, tied = config_.tie_word_embeddings;
    const int ranks = trains() ? shape_.all_ranks : shape_.ring_ranks * shape_.head_ranks;
    const int64_t layers = config_.num_layers, embedding = config_.vocab_size * config_.hidden_size;
    const int64_t head = config_.hidden_size + (tied ? 0 : embedding);
    const int64_t block = (config_.num_parameters() - embedding - head) / layers;
    const auto row = [&](int64_t unit) { return UnitShards::row_of(unit, ranks); };
    const auto own = [&](int64_t unit) { return std::min(unit, row(unit)); };
    const int64_t share = own(embedding) + layers * own(block) + own(head);
    const int64_t lent = ranks * (row(tied ? embedding : std::max(embedding, head)) + (tied ? row(head) : 0) +
                                  std::min<int64_t>(layers, 2) * row(block));
    Parameters parameters{.gradients = share + lent, .optimizer = share};
    if (shares_weights) {
      parameters.weights = share + std::max({row(embedding), row(block), row(head)}) + lent;
      parameters.own_masters = narrow();
    } else {
      parameters.weights = ranks * (row(embedding) + layers * row(block) + row(head));
      parameters.own_masters = true;
    }
    return parameters;
  }

  MemoryParts standing() const {
    MemoryParts parts;
    const int64_t layers = config_.num_layers;
    const Parameters held =
        plan_.zero == ZeroStage::kOptimizerState ? whole_parameters() : sharded_parameters();
    parts.weights = held.weights * element();
    if (trains()) {
      parts.gradients = held.gradients * acc();
      parts.optimizer = held.optimizer * (2 * moment() + (held.own_masters ? acc() : 0));
    }
    const int64_t input = tokens() * width_.hidden * element();
    if (has_backward()) {
      const int64_t on_device = plan_.offload ? std::min(plan_.offload_slots, layers) : layers;
      parts.checkpoints = on_device * input + kept_blocks() * tokenwise_bytes(config_, tokens(), element());
      const int64_t away = layers - on_device;
      parts.host = away * (input + (saves_attention() ? attention_bytes() : 0));
    }
    parts.transients = input;  // the residual stream, and then its gradient
    if (kept_blocks() < layers) parts.transients += tokens() * width_.qkv * element();
    if (has_backward()) parts.transients += tokens() * width_.queries * element();
    parts.tiles = standing_tiles();
    const MeshShape row{1, shape_.ring_ranks * shape_.head_ranks, shape_.head_ranks};
    parts.ring = by_groups(ring_slot_bytes(config_, tokens(), row, element(), has_backward()));
    const int64_t kinds = config_.local_rope_theta > 0 ? 2 : 1;
    parts.tables = kinds * 2 * shape_.length * config_.rotary_pairs() * acc();
    // Windows with positions of their own have tables of their own, which stay while there is room.
    if (shape_.pass == Pass::kTrain) {
      const int64_t windows = plan_.work.windows_with_own_positions / plan_.mesh.data;
      const int64_t kept = std::max(shape_.sequences, kRopeTableBytes / std::max<int64_t>(1, parts.tables));
      parts.tables *= 1 + std::min(windows, kept);
    }
    if (shape_.pass == Pass::kFactorGradient) {
      parts.tables += shape_.length * (config_.rotary_pairs() * 8 + 1);
    }
    return parts;
  }

  int64_t standing_tiles() const {
    const int64_t c = width_.hidden, i = width_.intermediate;
    const bool all_kept = kept_blocks() == config_.num_layers;
    int64_t row = c * element() + acc();                    // normed activations of the head, 1 / rms
    if (config_.input_norms) row += c * element() + acc();  // of the block
    if (has_branches(config_)) {  // what attention and MLP give by itself, and its gradient
      row += (has_backward() ? 2 : 1) * c * element() + (config_.output_norms ? acc() : 0);
    }
    if (!all_kept) row += c * element();
    if (has_backward()) row += (3 * c + width_.qkv) * element();
    if (config_.num_experts > 0) {
      row += experts_row();
    } else {
      row += (i + (all_kept ? 0 : 2 * i) + (has_backward() ? 3 * i : 0)) * element();
    }
    if (config_.qk_norm) {
      row += (config_.whole_qk_norm ? 2 : config_.num_heads + config_.num_kv_heads) * acc();
      if (has_backward()) row += 2 * (width_.queries + width_.keys) * element();
    }
    return tile() * row;
  }

  // Of a token at the expert that all tokens of a tile might choose: the router's figures, the sum, and one
  // expert's results.
  int64_t experts_row() const {
    const int64_t c = width_.hidden, i = width_.intermediate;
    const int64_t router = config_.num_experts * (element() + (has_backward() ? 4 : 1) * acc());
    const int64_t expert = has_backward() ? 4 * c + 4 * i : 3 * c + 3 * i;
    return router + 6 * config_.experts_per_token * acc() + (c + expert) * element() +
           (has_backward() && narrow() ? 2 * c * acc() : 0);
  }

  // Of the block's own results, those that are not kept.
  int64_t unsaved_attention() const { return saves_attention() ? 0 : attention_bytes(); }

  // Of queries, keys and values as they are exchanged for heads.
  int64_t rows_for_heads(int64_t queries) const {
    return tokens() * (queries * width_.queries + 2 * keys()) * element();
  }

  // Of a share of queries, keys and values: heads that are computed one group after the other.
  int64_t by_groups(int64_t bytes) const { return bytes / plan_.head_groups; }

  Phase attention_forward() const {
    Phase phase;
    phase.transients = unsaved_attention();
    int64_t merged = 0;
    if (on_ring()) {  // the merged result, in acc type, and a hop's partial one
      merged = tokens() * (width_.queries * (narrow() ? acc() : element()) + config_.num_heads * acc());
    }
    const int64_t result = tokens() * width_.queries * element();
    if (shares_heads()) {
      // Sent and received; then what came with the result; then the result as it was made, sent and received,
      // and in order.
      merged = std::max({2 * rows_for_heads(1) - attention_bytes(), rows_for_heads(1) + merged, 2 * result});
    }
    phase.transients += by_groups(merged + (plan_.head_groups > 1 ? attention_bytes() : 0));
    return phase;
  }

  Phase mlp_backward() const {
    if (!has_backward()) return {};
    Phase phase;
    phase.transients = unsaved_attention();
    if (trains() && widens()) {
      const int64_t c = width_.hidden, i = width_.intermediate;  // of experts as of an MLP
      phase.tiles = tile() * acc() * std::max(c + 2 * i, c + width_.queries);
    }
    return phase;
  }

  // What the operator has allocated at a time for a block of so many halves of the local queries and keys.
  int64_t operator_bytes(int query_halves, int key_halves) const {
    const BlockAttentionShape block{.batch = shape_.sequences,
                                    .heads = config_.num_heads / shape_.head_ranks,
                                    .kv_heads = heads_of_rank(config_.num_kv_heads, shape_.head_ranks),
                                    .queries = shape_.length * shape_.head_ranks * query_halves / 2,
                                    .keys = shape_.length * shape_.head_ranks * key_halves / 2,
                                    .head_dim = config_.head_dim};
    if (plan_.cuda) return attention_backward_bytes(block);
    const int64_t rows = block.heads * block.queries + 2 * block.kv_heads * block.keys;
    return block.batch * rows * block.head_dim * acc();
  }
  // Bytes of an element of dq, dk, dv as the ring gives them: a single rank on a GPU has the operator's own.
  int64_t attention_gradient() const { return plan_.cuda && !on_ring() ? element() : acc(); }

  Phase attention_backward() const {
    if (!has_backward()) return {};
    int64_t bytes = operator_bytes(2, 2);
    if (on_ring()) {
      // dk and dv that are to come home, and beside them: the own block; its narrow results and dq widened;
      // dq so far and a hop's block. In zigzag a hop is all queries with half the keys, or half the queries
      // with all keys.
      const int64_t home = tokens() * 2 * keys() * acc(), dq = tokens() * width_.queries * acc();
      const int64_t widened = plan_.cuda ? tokens() * (width_.queries + 2 * keys()) * element() + dq : 0;
      const int64_t hop = plan_.placement != Placement::kContiguous
                              ? std::max(operator_bytes(2, 1), operator_bytes(1, 2))
                              : bytes;
      bytes = home + std::max({bytes, widened, dq + hop});
    }
    if (shares_heads()) {
      // Sent and received; then what came with the gradients; then these as they were made, sent and
      // received, and in order.
      const int64_t gradients = tokens() * (width_.queries + 2 * keys()) * attention_gradient();
      bytes = std::max({2 * rows_for_heads(3), rows_for_heads(3) + bytes, 2 * gradients,
                        gradients + tokens() * width_.qkv * attention_gradient()});
    }
    if (plan_.head_groups > 1) {  // beside the gradients of all heads
      bytes = tokens() * width_.qkv * attention_gradient() + by_groups(bytes);
    }
    return {.transients = unsaved_attention() + bytes};
  }

  Phase qkv_backward() const {
    if (!has_backward()) return {};
    Phase phase{.transients = unsaved_attention() + tokens() * width_.qkv * attention_gradient()};
    if (trains() && widens()) phase.tiles = tile() * acc() * (width_.qkv + width_.hidden);
    return phase;
  }

  Phase embedding_backward() const {
    return {.tiles = trains() && narrow() ? tile() * width_.hidden * acc() : 0};
  }

  Phase loss() const {
    const int64_t rows = std::min({plan_.loss_tile_tokens, tile()});
    const int64_t v = config_.vocab_size, c = width_.hidden;
    int64_t bytes = rows * v * acc();
    if (config_.logit_softcap > 0 && has_backward()) bytes += rows * v * acc();  // the cap's slope
    if (narrow() && plan_.cuda && has_backward()) bytes += rows * v * element();
    if (widens()) {
      // Hidden and its gradient, and the part of the output layer that is widened at a time; and of the
      // logits' gradient, whose columns of that part are copied to be contiguous.
      constexpr int64_t kWidenedRows = 4096;
      const int64_t part = std::min(kWidenedRows, v);
      bytes += rows * c * acc() * (has_backward() ? 2 : 1) + part * c * acc();
      if (part < v) bytes += rows * part * acc();
    }
    return {.loss = bytes};
  }

  const ModelConfig& config_;
  const PassShape& shape_;
  const EnginePlan& plan_;
  const BlockWidths width_;
};

// A recipe may name any shape: its bytes must be countable in 64 bits before they are counted.
void require_countable(const ModelConfig& config, const PassShape& shape) {
  const auto wide = [](int64_t count) { return static_cast<double>(count); };
  const double c = wide(config.hidden_size), i = wide(config.intermediate_size);
  const double heads = wide(config.head_dim) * wide(config.num_heads + 2 * config.num_kv_heads);
  const double layers = wide(config.num_layers) + 2, row = 8 * (c + heads + i) + wide(config.vocab_size);
  const double elements = layers * (c * (2 * heads + 3 * i * std::max(1.0, wide(config.num_experts))) +
                                    wide(shape.tokens()) * row) +
                          2 * c * wide(config.vocab_size);
  constexpr double kMost = 1e17;  // elements, of up to 32 bytes each
  if (elements < kMost) return;
  fail(
      ErrorKind::kConfig,
      "a model of {} layers, hidden size {} and MLP {} over {} tokens per rank has {:.2g} numbers: more than "
      "can be held",
      config.num_layers, config.hidden_size, config.intermediate_size, shape.tokens(), elements);
}

}  // namespace

bool has_branches(const ModelConfig& config) {
  return config.output_norms || config.residual_multiplier != 1;
}

BlockWidths::BlockWidths(const ModelConfig& config)
    : hidden(config.hidden_size),
      queries(config.num_heads * config.head_dim),
      keys(config.num_kv_heads * config.head_dim),
      qkv(queries + 2 * keys),
      intermediate(config.intermediate_size),
      key_heads(config.num_kv_heads),
      head_dim(config.head_dim) {}

int64_t BlockWidths::keys_for_heads(int head_ranks) const {
  return head_ranks * heads_of_rank(key_heads, head_ranks) * head_dim;
}

int64_t tokenwise_bytes(const ModelConfig& config, int64_t tokens, int64_t element_size) {
  const BlockWidths width(config);
  const int64_t gate_up = config.num_experts > 0 ? 0 : 2 * width.intermediate;
  return tokens * element_size * (width.qkv + width.hidden + gate_up);
}

std::vector<std::pair<std::string, int64_t>> MemoryParts::parts() const {
  return {{"weights", weights},
          {"gradients", gradients},
          {"optimizer", optimizer},
          {"checkpoints", checkpoints},
          {"transients", transients},
          {"tiles", tiles},
          {"loss", loss},
          {"ring", ring},
          {"tables", tables},
          {"cached keys", keys}};
}

int64_t MemoryParts::total() const {
  int64_t sum = 0;
  for (const auto& [name, bytes] : parts()) sum += bytes;
  return sum;
}

MemoryParts pass_memory(const ModelConfig& config, const PassShape& shape, const EnginePlan& plan) {
  ROPEWAY_CHECK(shape.tokens() > 0 && plan.tile_tokens > 0 && plan.loss_tile_tokens > 0,
                "a pass over {} tokens in tiles of {} and {}", shape.tokens(), plan.tile_tokens,
                plan.loss_tile_tokens);
  require_countable(config, shape);
  return PassMemory(config, shape, plan).peak();
}

int64_t ring_slot_bytes(const ModelConfig& config, int64_t tokens, const MeshShape& mesh,
                        int64_t element_size, bool gradients) {
  if (mesh.ring() == 1) return 0;
  const int64_t slot = 2 * tokens * BlockWidths(config).keys_for_heads(mesh.heads);
  const int64_t acc = std::max<int64_t>(element_size, 4);
  return 2 * slot * (element_size + (gradients ? acc : 0));
}

std::string bytes_text(int64_t bytes) {
  const double mib = static_cast<double>(bytes) / (1 << 20);
  if (mib >= 1024) return fmt::format("{:.2f} GiB", mib / 1024);
  return mib >= 10 ? fmt::format("{:.0f} MiB", mib) : fmt::format("{:.2f} MiB", mib);
}

std::string parts_text(const MemoryParts& parts) {
  auto list = parts.parts();
  std::stable_sort(list.begin(), list.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  for (const auto& [name, bytes] : list) {
    if (bytes * 100 < parts.total()) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, bytes_text(bytes));
  }
  return text;
}

}  // namespace ropeway
