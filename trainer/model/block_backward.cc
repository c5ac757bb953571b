// The backward half of a block: the MLP and the output projection, attention, then the projections q, k, v.
#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/mlp_ops.h"
#include "kernels/ops/norm_ops.h"
#include "kernels/ops/rope_ops.h"
#include "parallel/comm/stop_point.h"
#include "trainer/model/block.h"
#include "trainer/model/head_views.h"
#include "trainer/model/linear.h"

namespace ropeway {

void Block::backward(const BlockTensors& weights, const BatchRope& rope, const SequenceLayout& layout,
                     const BlockActivations& record, const BlockGradients& gradients, const at::Tensor& d_x) {
  const BatchShape shape = shape_of(layout);
  const int64_t attention_width = config_.num_heads * config_.head_dim;
  at::Tensor qkv = record.qkv;
  if (!qkv.defined()) {
    qkv = qkv_.shaped({shape.tokens(), qkv_width_}, d_x.options());
    project_qkv(weights, rope, layout, record.input, qkv);
  }
  at::Tensor attention = record.attention_out, lse = record.lse;
  if (!attention.defined()) {
    SequenceAttention::Output attended = attend(qkv, layout);
    attention = attended.out;
    lse = attended.lse;
  }
  attention = attention.reshape({shape.tokens(), attention_width});

  const at::Tensor d_attention = d_attention_.shaped({shape.tokens(), attention_width}, d_x.options());
  mlp_backward(weights, shape, record, attention, gradients, d_x, d_attention);

  const HeadViews heads = split_heads(qkv, shape, config_);
  const at::IntArrayRef out_sizes = heads.q.sizes();
  const SequenceAttention::Gradients attention_gradients =
      attention_.backward(layout, d_attention.view(out_sizes), heads.q, heads.k, heads.v,
                          attention.view(out_sizes), lse, {config_.score_scale(), config_.attention_softcap});
  qkv_backward(weights, rope, layout, record.input, qkv, attention_gradients, gradients, d_x);
}

// d_x: d loss / d y on entry, d loss / d h on return; d_attention [T, H*D] written.
void Block::mlp_backward(const BlockTensors& weights, BatchShape shape, const BlockActivations& record,
                         const at::Tensor& attention, const BlockGradients& gradients, const at::Tensor& d_x,
                         const at::Tensor& d_attention) {
  const auto options = d_x.options();
  const int64_t c = config_.hidden_size;
  const bool kept = record.middle.defined();
  const BlockTensors& grads = gradients.weights;

  for (const Tile& tile : tiles_of(shape, tile_tokens_)) {
    stop_point();
    const auto rows = [&tile](const at::Tensor& t) {
      return t.defined() ? t.narrow(0, tile.begin, tile.count) : t;
    };
    const at::Tensor middle = kept ? rows(record.middle) : middle_.shaped({tile.count, c}, options);
    if (!kept) {
      branch_.forward(rows(record.input), rows(attention), attention_weights(weights), middle);
    }
    const Read read = read_stream(middle, weights.post_norm);
    const at::Tensor d_rows = rows(d_x), d_read = d_normed_.shaped({tile.count, c}, options);
    if (config_.num_experts > 0) {
      experts_.backward(read.x, d_rows, {weights.router, weights.experts}, {grads.router, grads.experts},
                        d_read);
    } else {
      dense_backward(weights, rows(record.gate_up), read.x, grads, d_rows, d_read);
    }
    read_backward(read, d_read, middle, weights.post_norm, grads.post_norm, d_rows);
    const at::Tensor d_out =
        branch_.backward(d_rows, rows(attention), attention_weights(weights), grads.attention_out_norm);
    linear_weight_gradient(d_out, rows(attention), grads.attention_out);
    bias_gradient(d_out, grads.attention_out_bias);
    linear_input_gradient(d_out, weights.attention_out, rows(d_attention));
  }
}

void Block::dense_backward(const BlockTensors& weights, const at::Tensor& kept_gate_up,
                           const at::Tensor& read, const BlockTensors& gradients, const at::Tensor& d_rows,
                           const at::Tensor& d_read) {
  const int64_t tokens = read.size(0), i = config_.intermediate_size;
  const auto options = read.options();
  at::Tensor gate_up = kept_gate_up;
  if (!gate_up.defined()) {
    gate_up = gate_up_.shaped({tokens, 2 * i}, options);
    linear(read, weights.gate_up, weights.gate_up_bias, gate_up);
  }
  const at::Tensor d_hidden = d_hidden_.shaped({tokens, i}, options);
  const at::Tensor hidden = hidden_.shaped({tokens, i}, options);
  if (gradients.down.defined() || weights.down_norm.defined()) {
    ops::swiglu(gate_up, hidden, gate_activation(config_));
  }
  const at::Tensor d_down = branch_.backward(d_rows, hidden, mlp_weights(weights), gradients.down_norm);
  linear_input_gradient(d_down, weights.down, d_hidden);
  linear_weight_gradient(d_down, hidden, gradients.down);
  bias_gradient(d_down, gradients.down_bias);
  const at::Tensor d_gate_up = d_gate_up_.shaped({tokens, 2 * i}, options);
  ops::swiglu_backward(d_hidden, gate_up, d_gate_up, gate_activation(config_));
  linear_weight_gradient(d_gate_up, read, gradients.gate_up);
  bias_gradient(d_gate_up, gradients.gate_up_bias);
  linear_input_gradient(d_gate_up, weights.gate_up, d_read);
}

void Block::read_backward(const Read& read, const at::Tensor& d_read, const at::Tensor& x,
                          const at::Tensor& norm, const at::Tensor& grad_norm, const at::Tensor& d_x) {
  if (!norm.defined()) {
    d_x.add_(d_read);
    return;
  }
  ops::rms_norm_backward({.dy = d_read,
                          .x = x,
                          .weight = norm,
                          .rstd = read.rstd,
                          .dx = d_x,
                          .accumulate = true,
                          .grad_weight = grad_norm,
                          .offset = config_.norm_offset()});
}

// d_heads [T, H + K, D]: d loss / d normed heads on entry, d loss / d projected heads on return. read [T, C]:
// the input of the projection, which is computed once more, because what is kept is normed and rotated.
void Block::head_norm_backward(const BlockTensors& weights, const at::Tensor& read,
                               const BlockTensors& gradients, const at::Tensor& d_heads) {
  const int64_t tokens = read.size(0), h = config_.num_heads, k = config_.num_kv_heads;
  const int64_t width = (h + k) * config_.head_dim;
  const at::Tensor projected = projected_.shaped({tokens, width}, read.options());
  linear(read, weights.qkv.narrow(0, 0, width),
         weights.qkv_bias.defined() ? weights.qkv_bias.narrow(0, 0, width) : at::Tensor(), projected);
  const at::Tensor heads = projected.view({tokens, h + k, config_.head_dim});
  const HeadStatistics rstd =
      normalize_heads(weights, heads, renormed_.shaped(heads.sizes(), read.options()));
  const auto backward = [&](int64_t first, int64_t count, const at::Tensor& weight,
                            const at::Tensor& head_rstd, const at::Tensor& gradient) {
    const at::Tensor own = normed_rows(d_heads.narrow(1, first, count), config_);
    ops::rms_norm_backward({.dy = own,
                            .x = normed_rows(heads.narrow(1, first, count), config_),
                            .weight = weight,
                            .rstd = head_rstd,
                            .dx = own,
                            .grad_weight = gradient,
                            .offset = config_.norm_offset()});
  };
  backward(0, h, weights.q_norm, rstd.q, gradients.q_norm);
  backward(h, k, weights.k_norm, rstd.k, gradients.k_norm);
}

// d_x: d loss / d h on entry, d loss / d x on return.
void Block::qkv_backward(const BlockTensors& weights, const BatchRope& rope, const SequenceLayout& layout,
                         const at::Tensor& x, const at::Tensor& qkv,
                         const SequenceAttention::Gradients& attention, const BlockGradients& gradients,
                         const at::Tensor& d_x) {
  const BatchShape shape = shape_of(layout);
  const auto options = d_x.options();
  const int64_t h = config_.num_heads, k = config_.num_kv_heads;

  for (const Tile& tile : tiles_of(shape, tile_tokens_)) {
    stop_point();
    const auto rows = [&tile](const at::Tensor& t) { return t.narrow(0, tile.begin, tile.count); };
    const at::Tensor d_qkv = d_qkv_.shaped({tile.count, qkv_width_}, options);
    const at::Tensor d_heads = d_qkv.view({tile.count, h + 2 * k, config_.head_dim});
    const at::Tensor d_rotated = rotated_heads(d_qkv, config_);
    const at::Tensor rotated = rotated_heads(rows(qkv), config_);
    for (const Piece& piece : pieces_of(shape, tile)) {
      const auto gather = [&](const at::Tensor& from, int64_t first_head) {
        d_heads.narrow(0, piece.row, piece.count)
            .narrow(1, first_head, from.size(2))
            .copy_(from.select(0, piece.sequence).narrow(0, piece.token, piece.count));
      };
      gather(attention.dq, 0);
      gather(attention.dk, h);
      gather(attention.dv, h + k);
      if (!rope.turns()) continue;
      const RopeTables& tables = rope.of(layout, piece.sequence);
      const auto table = [&piece](const at::Tensor& t) { return t.narrow(0, piece.token, piece.count); };
      const at::Tensor d_piece = d_rotated.narrow(0, piece.row, piece.count);
      if (gradients.log_factors.defined()) {
        ops::rope_factor_gradient({.y = rotated.narrow(0, piece.row, piece.count),
                                   .dy = d_piece,
                                   .angles = table(tables.angles),
                                   .scaled = table(tables.scaled),
                                   .grad_log_factors = gradients.log_factors,
                                   .grad_log_temperature = gradients.log_temperature,
                                   .interleaved = config_.interleaved_rope});
      }
      if (gradients.input || gradients.weights.qkv.defined()) {
        ops::rope_backward_(d_piece, table(tables.cos), table(tables.sin), config_.interleaved_rope);
      }
    }
    if (gradients.input || gradients.weights.qkv.defined()) {
      const at::Tensor d_read = d_normed_.shaped({tile.count, config_.hidden_size}, options);
      const Read read = read_stream(rows(x), weights.input_norm);
      if (config_.qk_norm) head_norm_backward(weights, read.x, gradients.weights, d_rotated);
      linear_weight_gradient(d_qkv, read.x, gradients.weights.qkv);
      bias_gradient(d_qkv, gradients.weights.qkv_bias);
      linear_input_gradient(d_qkv, weights.qkv, d_read);
      read_backward(read, d_read, rows(x), weights.input_norm, gradients.weights.input_norm, rows(d_x));
    }
  }
}

}  // namespace ropeway
