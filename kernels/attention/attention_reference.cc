#include "kernels/attention/attention_reference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace ropeway {
namespace {

bool is_allowed(const AttentionReferenceShape& shape, int64_t query, int64_t key) {
  const int64_t query_position = shape.query_positions ? shape.query_positions[query] : query;
  const int64_t key_position = shape.key_positions ? shape.key_positions[key] : key;
  if (shape.causal && key_position > query_position) return false;
  return !shape.allowed || shape.allowed[query * shape.keys + key] != 0;
}

// Softmax weights of one query row over all keys of one head (0 where not allowed); returns the
// row's log-sum-exp.
double softmax_row(const double* q, const double* k, const AttentionReferenceShape& shape, int64_t query,
                   std::vector<double>& weights) {
  double top = -std::numeric_limits<double>::infinity();
  for (int64_t j = 0; j < shape.keys; ++j) {
    weights[j] = -std::numeric_limits<double>::infinity();
    if (!is_allowed(shape, query, j)) continue;
    double dot = 0;
    for (int64_t d = 0; d < shape.head_dim; ++d) dot += q[d] * k[j * shape.head_dim + d];
    weights[j] = shape.scale * dot;
    if (shape.softcap > 0) weights[j] = shape.softcap * std::tanh(weights[j] / shape.softcap);
    top = std::max(top, weights[j]);
  }
  if (std::isinf(top) && top < 0) {
    std::fill(weights.begin(), weights.end(), 0.0);
    return top;
  }
  double sum = 0;
  for (double& w : weights) sum += w = std::exp(w - top);
  for (double& w : weights) w /= sum;
  return top + std::log(sum);
}

// d (capped score) / d (score).
double cap_slope(const AttentionReferenceShape& shape, const double* q, const double* k) {
  if (!(shape.softcap > 0)) return 1;
  double dot = 0;
  for (int64_t d = 0; d < shape.head_dim; ++d) dot += q[d] * k[d];
  const double cosh = std::cosh(shape.scale * dot / shape.softcap);
  return 1 / (cosh * cosh);
}

// Calls row(query offset in [B,H,Nq,D] elements, key/value offset of its head, row index in [B,H,Nq], query).
template <typename Row>
void for_each_row(const AttentionReferenceShape& s, const Row& row) {
  const int64_t group = s.heads / s.kv_heads;
  for (int64_t b = 0; b < s.batch; ++b) {
    for (int64_t h = 0; h < s.heads; ++h) {
      const int64_t kv_offset = (b * s.kv_heads + h / group) * s.keys * s.head_dim;
      for (int64_t i = 0; i < s.queries; ++i) {
        const int64_t index = (b * s.heads + h) * s.queries + i;
        row(index * s.head_dim, kv_offset, index, i);
      }
    }
  }
}

}  // namespace

void attention_reference_forward(const double* q, const double* k, const double* v,
                                 const AttentionReferenceShape& shape, double* out, double* lse) {
  std::vector<double> weights(shape.keys);
  for_each_row(shape, [&](int64_t row, int64_t kv, int64_t index, int64_t query) {
    lse[index] = softmax_row(q + row, k + kv, shape, query, weights);
    std::fill_n(out + row, shape.head_dim, 0.0);
    for (int64_t j = 0; j < shape.keys; ++j) {
      for (int64_t d = 0; d < shape.head_dim; ++d)
        out[row + d] += weights[j] * v[kv + j * shape.head_dim + d];
    }
  });
}

// With dp_ij = do_i . v_j:  dv_j = sum_i p_ij do_i,  ds_ij = p_ij (dp_ij - sum_j p_ij dp_ij),
// dq_i = scale * sum_j ds_ij k_j,  dk_j = scale * sum_i ds_ij q_i.
void attention_reference_backward(const double* d_out, const double* q, const double* k, const double* v,
                                  const AttentionReferenceShape& shape,
                                  const AttentionReferenceGradients& gradients) {
  const int64_t dim = shape.head_dim;
  std::fill_n(gradients.dq, shape.batch * shape.heads * shape.queries * dim, 0.0);
  std::fill_n(gradients.dk, shape.batch * shape.kv_heads * shape.keys * dim, 0.0);
  std::fill_n(gradients.dv, shape.batch * shape.kv_heads * shape.keys * dim, 0.0);
  std::vector<double> weights(shape.keys), d_weights(shape.keys);
  for_each_row(shape, [&](int64_t row, int64_t kv, int64_t, int64_t query) {
    softmax_row(q + row, k + kv, shape, query, weights);
    double mean = 0;
    for (int64_t j = 0; j < shape.keys; ++j) {
      d_weights[j] = 0;
      for (int64_t d = 0; d < dim; ++d) d_weights[j] += d_out[row + d] * v[kv + j * dim + d];
      mean += weights[j] * d_weights[j];
    }
    for (int64_t j = 0; j < shape.keys; ++j) {
      const double d_score =
          shape.scale * cap_slope(shape, q + row, k + kv + j * dim) * weights[j] * (d_weights[j] - mean);
      for (int64_t d = 0; d < dim; ++d) {
        gradients.dv[kv + j * dim + d] += weights[j] * d_out[row + d];
        gradients.dq[row + d] += d_score * k[kv + j * dim + d];
        gradients.dk[kv + j * dim + d] += d_score * q[row + d];
      }
    }
  });
}

}  // namespace ropeway
