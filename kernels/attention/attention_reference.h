// Attention by its definition, in double precision, with all scores of a head in memory: the oracle
// that every other implementation is compared with. Quadratic in memory and slow; nothing in the
// product's path uses it.
//
//   s_ij  = scale * q_i . k_j      over allowed pairs
//   p_ij  = exp(s_ij) / sum_j exp(s_ij)
//   o_i   = sum_j p_ij v_j
//   lse_i = log sum_j exp(s_ij)
//
// A row without an allowed key has o = 0, lse = -inf and no gradient.
#pragma once

#include <cstdint>

namespace ropeway {

// All tensors contiguous: q, out [B, H, Nq, D]; k, v [B, K, Nk, D]; lse [B, H, Nq].
// Query head h reads key/value head h / (H/K).
struct AttentionReferenceShape {
  int64_t batch = 0, heads = 0, kv_heads = 0, queries = 0, keys = 0, head_dim = 0;
  double scale = 1.0;
  double softcap = 0;  // above 0: scores become cap * tanh(s_ij / cap)
  // A pair is allowed when its key's position does not exceed its query's (if causal) and `allowed`,
  // if given, says so.
  bool causal = false;
  const int64_t* query_positions = nullptr;  // [Nq]; null: 0, 1, ...
  const int64_t* key_positions = nullptr;    // [Nk]; null: 0, 1, ...
  const uint8_t* allowed = nullptr;          // [Nq, Nk]; null: all
};

void attention_reference_forward(const double* q, const double* k, const double* v,
                                 const AttentionReferenceShape& shape, double* out, double* lse);

// Writes dq [B, H, Nq, D] and dk, dv [B, K, Nk, D] for d_out = d loss / d out.
struct AttentionReferenceGradients {
  double* dq = nullptr;
  double* dk = nullptr;
  double* dv = nullptr;
};
void attention_reference_backward(const double* d_out, const double* q, const double* k, const double* v,
                                  const AttentionReferenceShape& shape,
                                  const AttentionReferenceGradients& gradients);

}  // namespace ropeway
