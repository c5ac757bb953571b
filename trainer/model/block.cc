// Forward; the backward half is in block_backward.cc.
#include "trainer/model/block.h"

#include <ATen/ops/add.h>

#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/mlp_ops.h"
#include "kernels/ops/norm_ops.h"
#include "kernels/ops/rope_ops.h"
#include "parallel/comm/stop_agreement.h"
#include "parallel/comm/stop_point.h"
#include "trainer/model/head_views.h"
#include "trainer/model/linear.h"

namespace ropeway {

Block::Block(const ModelConfig& config, SequenceAttention& attention, int64_t tile_tokens)
    : config_(config),
      attention_(attention),
      tile_tokens_(tile_tokens),
      qkv_width_((config.num_heads + 2 * config.num_kv_heads) * config.head_dim),
      branch_(config),
      experts_(config) {}

Block::Read Block::read_stream(const at::Tensor& x, const at::Tensor& norm) {
  if (!norm.defined()) return {x, {}};
  const auto acc = x.options().dtype(ops::accumulation_type(x.scalar_type()));
  const Read read{normed_.shaped(x.sizes(), x.options()), rstd_.shaped({x.size(0)}, acc)};
  ops::rms_norm(x, norm, config_.rms_norm_eps, read.x, read.rstd, config_.norm_offset());
  return read;
}

void Block::project_qkv(const BlockTensors& weights, const BatchRope& rope, const SequenceLayout& layout,
                        const at::Tensor& x, const at::Tensor& qkv, const at::Tensor& unrotated) {
  const BatchShape shape = shape_of(layout);
  for (const Tile& tile : tiles_of(shape, tile_tokens_)) {
    stop_point();
    const at::Tensor qkv_tile = qkv.narrow(0, tile.begin, tile.count);
    linear(read_stream(x.narrow(0, tile.begin, tile.count), weights.input_norm).x, weights.qkv,
           weights.qkv_bias, qkv_tile);
    const at::Tensor q_and_k = rotated_heads(qkv_tile, config_);
    if (config_.qk_norm) normalize_heads(weights, q_and_k, q_and_k);
    if (unrotated.defined()) {
      unrotated.narrow(0, tile.begin, tile.count)
          .copy_(q_and_k.narrow(1, config_.num_heads, config_.num_kv_heads));
    }
    if (!rope.turns()) continue;
    for (const Piece& piece : pieces_of(shape, tile)) {
      const RopeTables& tables = rope.of(layout, piece.sequence);
      ops::rope_(q_and_k.narrow(0, piece.row, piece.count), tables.cos.narrow(0, piece.token, piece.count),
                 tables.sin.narrow(0, piece.token, piece.count), config_.interleaved_rope);
    }
  }
}

// RMSNorm of query and key heads [T, H + K, D] with a weight each; returns what backward needs of it.
Block::HeadStatistics Block::normalize_heads(const BlockTensors& weights, const at::Tensor& from,
                                             const at::Tensor& to) {
  const int64_t h = config_.num_heads, k = config_.num_kv_heads;
  const auto acc = from.options().dtype(ops::accumulation_type(from.scalar_type()));
  const auto normalize = [&](int64_t first, int64_t count, const at::Tensor& weight, Buffer& statistics) {
    const at::Tensor x = normed_rows(from.narrow(1, first, count), config_);
    const at::Tensor rstd = statistics.shaped(x.sizes().slice(0, x.dim() - 1), acc);
    ops::rms_norm(x, weight, config_.rms_norm_eps, normed_rows(to.narrow(1, first, count), config_), rstd,
                  config_.norm_offset());
    return rstd;
  };
  return {normalize(0, h, weights.q_norm, q_rstd_), normalize(h, k, weights.k_norm, k_rstd_)};
}

SequenceAttention::Output Block::attend(const at::Tensor& qkv, const SequenceLayout& layout) {
  const HeadViews heads = split_heads(qkv, shape_of(layout), config_);
  return attention_.forward(layout, heads.q, heads.k, heads.v,
                            {config_.score_scale(), config_.attention_softcap});
}

void Block::forward(const BlockTensors& weights, const BatchRope& rope, const SequenceLayout& layout,
                    const at::Tensor& x, const std::function<at::Tensor()>& y, BlockActivations* record,
                    bool save_attention, const KeyRows& keep) {
  const BatchShape shape = shape_of(layout);
  const bool keeps_qkv = record != nullptr && record->qkv.defined();

  const at::Tensor qkv = keeps_qkv ? record->qkv : qkv_.shaped({shape.tokens(), qkv_width_}, x.options());
  project_qkv(weights, rope, layout, x, qkv, keep.unrotated);
  if (keep.keys.defined()) {
    const HeadViews heads = split_heads(qkv, {1, shape.tokens()}, config_);
    keep.keys.copy_(heads.k.select(0, 0));
    keep.values.copy_(heads.v.select(0, 0));
  }
  SequenceAttention::Output attended = attend(qkv, layout);
  const at::Tensor attention = attended.out.reshape({shape.tokens(), config_.num_heads * config_.head_dim});
  if (record != nullptr && save_attention) {
    record->attention_out = attention.view(attended.out.sizes());
    record->lse = attended.lse;
  }
  attended = {};
  finish(weights, shape, x, attention, y, record);
}

void Block::extend(const BlockTensors& weights, const BatchRope& rope, const SequenceLayout& layout,
                   bool wants_unrotated, const std::function<at::Tensor(const NewHeads&)>& attend,
                   const at::Tensor& x) {
  const BatchShape shape = shape_of(layout);
  const at::Tensor qkv = qkv_.shaped({shape.tokens(), qkv_width_}, x.options());
  at::Tensor unrotated;
  if (wants_unrotated) {
    unrotated = unrotated_.shaped({shape.tokens(), config_.num_kv_heads, config_.head_dim}, x.options());
  }
  project_qkv(weights, rope, layout, x, qkv, unrotated);
  const HeadViews heads = split_heads(qkv, shape, config_);
  const at::Tensor attention =
      attend({heads.q.select(0, 0), {heads.k.select(0, 0), heads.v.select(0, 0), unrotated}});
  finish(
      weights, shape, x, attention.view({shape.tokens(), config_.num_heads * config_.head_dim}),
      [&x] { return x; }, nullptr);
}

void Block::finish(const BlockTensors& weights, BatchShape shape, const at::Tensor& x,
                   const at::Tensor& attention, const std::function<at::Tensor()>& y,
                   BlockActivations* record) {
  const auto options = x.options();
  const bool keep = record != nullptr && record->qkv.defined();
  const at::Tensor output = y();
  for (const Tile& tile : tiles_of(shape, tile_tokens_)) {
    stop_point();
    const auto rows = [&tile](const at::Tensor& t) { return t.narrow(0, tile.begin, tile.count); };
    const at::Tensor middle =
        keep ? rows(record->middle) : middle_.shaped({tile.count, config_.hidden_size}, options);
    branch_.forward(rows(x), rows(attention), attention_weights(weights), middle);
    const at::Tensor read = read_stream(middle, weights.post_norm).x;
    if (config_.num_experts > 0) {
      at::Tensor sum = rows(output);
      at::add_out(sum, middle, experts_.forward(read, {weights.router, weights.experts}));
      continue;
    }
    const at::Tensor gate_up =
        keep ? rows(record->gate_up) : gate_up_.shaped({tile.count, 2 * config_.intermediate_size}, options);
    const at::Tensor hidden = hidden_.shaped({tile.count, config_.intermediate_size}, options);
    linear(read, weights.gate_up, weights.gate_up_bias, gate_up);
    ops::swiglu(gate_up, hidden, gate_activation(config_));
    branch_.forward(middle, hidden, mlp_weights(weights), rows(output));
  }
}

}  // namespace ropeway
