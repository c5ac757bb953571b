// The kernels of this folder's neighbours on tensors: at::Tensor in, checks, dispatch on dtype and device
// (CPU, or CUDA: queued on the current stream). All tensors of a call are on one device. The only place in
// kernels/ that includes torch headers. Nothing here records autograd history; every backward is a function
// of its own.
//
// Shapes: T tokens (all sequences of a batch, flattened), H query heads, K key/value heads, D head_dim, R
// rotary dims (R <= D, even), V vocabulary, C channels. dtype of activations: F64, F32 or BF16. Statistics
// and sums ("acc") are F64 for F64 activations and F32 otherwise.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <tuple>

namespace ropeway::ops {

at::ScalarType accumulation_type(at::ScalarType activation);  // F64 -> F64, otherwise F32

// --- RoPE (Su et al. 2021; half-split layout as in Llama)
// ----------------------------------------------------------- In place on x [T, H, D] (rows may be strided:
// x.stride(0) >= H*D, inner two dimensions contiguous): the first R dims of each head are rotated, pair i
// being (x[i], x[i + R/2]). cos, sin [T, R/2] in acc type, attention temperature already multiplied in.
void rope_(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin);
// In place on dy [T, H, D]: the transposed rotation, i.e. d loss / d x.
void rope_backward_(const at::Tensor& dy, const at::Tensor& cos, const at::Tensor& sin);
// Adds d loss / d log(lambda_i) to grad_log_factors [R/2] (F64) and d loss / d log(temperature) to
// grad_log_temperature [1] (F64), from the ROTATED y and dy = d loss / d y, both [T, H, D]; angles [T, R/2]
// (F64) are phi_i(n) = n * omega_i / lambda_i, with 0 in both angles' and temperature's share where a start
// token is not scaled: `scaled` [T] (bool) says which tokens use factors and temperature. Partial sums in
// F64. With g = dy: d loss/d phi_i = g2*y1 - g1*y2, d loss/d log lambda_i = -sum phi_i(n) * that, d loss/d
// log m = sum(g1*y1 + g2*y2).
void rope_factor_gradient(const at::Tensor& y, const at::Tensor& dy, const at::Tensor& angles,
                          const at::Tensor& scaled, const at::Tensor& grad_log_factors,
                          const at::Tensor& grad_log_temperature);

// The tables of a layer for `positions` [T] (int64), in double precision and rounded once (rope_table.h):
// rates [R/2] (F64) in radians a token; positions below start_tokens turn by `plain` and have temperature 1.
struct RopeRateTensors {
  at::Tensor scaled, plain;
  double temperature = 1;
  int64_t start_tokens = 0;
};
// cos, sin [T, R/2] (F64 or F32), written.
void rope_table(const at::Tensor& positions, const RopeRateTensors& rates, const at::Tensor& cos,
                const at::Tensor& sin);
// What rope_factor_gradient wants: angles [T, R/2] (F64) and scaled [T] (bool), written.
void rope_angles(const at::Tensor& positions, const RopeRateTensors& rates, const at::Tensor& angles,
                 const at::Tensor& scaled);

// --- RMSNorm (Zhang & Sennrich 2019): y = x * rsqrt(mean(x^2) + eps) * weight
// ------------------------------------------ x, y [T, C]; weight [C]; rstd [T] acc type, written.
void rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, const at::Tensor& y,
              const at::Tensor& rstd);
// dx [T, C] gets (accumulate ? += : =) the input gradient; grad_weight [C] (acc type, may be undefined) gets
// += .
void rms_norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                       const at::Tensor& rstd, const at::Tensor& dx, bool accumulate,
                       const at::Tensor& grad_weight);

// --- RMSNorm of every head, one weight [D] for all (queries and keys of Qwen3)
// ------------------------------------------ x, y [T, H, D] (rows may be strided, heads side by side; y may
// be x); rstd [T, H] acc type, written.
void head_norm(const at::Tensor& x, const at::Tensor& weight, double eps, const at::Tensor& y,
               const at::Tensor& rstd);
// In place on dy [T, H, D]: d loss / d x; grad_weight [D] (acc type, may be undefined) gets +=.
void head_norm_backward_(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                         const at::Tensor& rstd, const at::Tensor& grad_weight);

// --- SwiGLU (Shazeer 2020): out = silu(gate) * up
// ------------------------------------------------------------------ gate_up [T, 2*I], gate in the first I
// columns; out [T, I].
void swiglu(const at::Tensor& gate_up, const at::Tensor& out);
// d_gate_up [T, 2*I] written.
void swiglu_backward(const at::Tensor& d_out, const at::Tensor& gate_up, const at::Tensor& d_gate_up);

// --- Embedding
// ----------------------------------------------------------------------------------------------------------
// grad_embedding [V, C] (acc type) gets, for t = 0, 1, ..., += d_rows[t] at row tokens[t]: d_rows [T, C],
// tokens [T] int64 in [0, V), which the caller has checked. The same sum, bit for bit, every time, on CUDA
// too.
void embedding_gradient(const at::Tensor& d_rows, const at::Tensor& tokens, const at::Tensor& grad_embedding);

// --- Attention of one query block against one key/value block
// ------------------------------------------------------ q [B, H, Nq, D], k and v [B, K, Nk, D] (any strides
// with the innermost 1), H a multiple of K (grouped-query). causal: allowed only for Nq == Nk (a diagonal
// block). Returns O [B, H, Nq, D] in q's dtype and lse [B, H, Nq] acc type (natural log of the sum of
// exp(scale * q.k)).
struct AttentionOutput {
  at::Tensor out, lse;
};
AttentionOutput block_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, bool causal,
                                double scale);
// The block's share of the gradients, given the MERGED out and lse of the whole row (legal: the softmax
// weights of the block are exp(scale*q.k - lse) with the row's own lse): dq [B,H,Nq,D], dk, dv [B,K,Nk,D]. In
// acc type on the CPU; on CUDA in q's dtype, as libtorch's operators round them: a block's share is rounded
// once, and whoever sums shares sums them in acc type.
struct AttentionGradients {
  at::Tensor dq, dk, dv;
};
AttentionGradients block_attention_backward(const at::Tensor& d_out, const at::Tensor& q, const at::Tensor& k,
                                            const at::Tensor& v, const at::Tensor& out, const at::Tensor& lse,
                                            bool causal, double scale);
// Merges a partial result into the running one, in place: out_acc [B,H,N,D] acc type, lse_acc [B,H,N] acc
// type. lse = max + log(sum exp(. - max)): never overflows; a row with lse = -inf on one side takes the other
// side.
void merge_attention_(const at::Tensor& out_acc, const at::Tensor& lse_acc, const at::Tensor& out_block,
                      const at::Tensor& lse_block);

// --- Linear + cross-entropy, in tiles of tokens: the logits [T, V] never exist in full
// ------------------------------- hidden [T, C], head [V, C], labels [T] int64 (-100: not scored; in host
// memory, or where hidden is: then they are fetched, for which a GPU comes to a halt), weights [T] acc type
// (may be undefined: all 1). nll [T] acc type (0 where not scored), correct [T] bool (arg-max == label), both
// written; either may be undefined.
struct CrossEntropyOutput {
  at::Tensor nll, correct;
};
CrossEntropyOutput linear_cross_entropy(const at::Tensor& hidden, const at::Tensor& head,
                                        const at::Tensor& labels, int64_t tile_tokens);
// Forward and backward in one pass over the tiles: as above, and with loss = scale * sum(weights * nll)
// writes d_hidden [T, C] and adds to grad_head [V, C] (acc type, may be undefined: no weight gradient is
// formed).
CrossEntropyOutput linear_cross_entropy_backward(const at::Tensor& hidden, const at::Tensor& head,
                                                 const at::Tensor& labels, const at::Tensor& weights,
                                                 double scale, int64_t tile_tokens,
                                                 const at::Tensor& d_hidden, const at::Tensor& grad_head);

// --- Optimizer
// ------------------------------------------------------------------------------------------------------
struct AdamWOptions {
  double learning_rate = 1e-3, beta1 = 0.9, beta2 = 0.95, eps = 1e-8, weight_decay = 0.0;
};
// One AdamW step (Loshchilov & Hutter 2019, decoupled decay) on flat arrays of equal length: master, moment1,
// moment2 in acc type or, next to an F32 master, BF16, gradient in acc type, gradient multiplied by
// gradient_scale first (clipping). weight: same length, any dtype, written with the rounded master (may alias
// master). step counts from 1 (bias correction). Element by element: a step of parts is the step of the whole.
void adamw_step(const at::Tensor& master, const at::Tensor& moment1, const at::Tensor& moment2,
                const at::Tensor& gradient, const at::Tensor& weight, const AdamWOptions& options,
                double gradient_scale, int64_t step);
// Sum of squares in F64, fixed order (independent of the number of threads). Non-finite elements make it
// non-finite.
double sum_of_squares(const at::Tensor& flat);

}  // namespace ropeway::ops
