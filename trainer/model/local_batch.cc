// From whole sequences to one rank's shard: labels are shifted first, so that no shard loses the token after
// its last.
#include <ATen/ops/empty.h>

#include "kernels/base/error.h"
#include "kernels/ops/accumulation_type.h"
#include "trainer/model/causal_lm.h"

namespace ropeway {

LocalBatch make_local_batch(const std::vector<std::vector<int32_t>>& sequences,
                            const std::vector<std::vector<float>>& weights, const RingAttention& ring,
                            at::ScalarType dtype) {
  if (sequences.empty()) fail(ErrorKind::kBadData, "a batch without sequences");
  const size_t length = sequences.front().size();
  for (size_t b = 0; b < sequences.size(); ++b) {
    if (sequences[b].size() != length) {
      fail(ErrorKind::kBadData, "sequence {} of a batch has {} tokens, the first one {}", b,
           sequences[b].size(), length);
    }
  }
  if (!weights.empty() && weights.size() != sequences.size()) {
    fail(ErrorKind::kBadData, "weights for {} sequences of a batch of {}", weights.size(), sequences.size());
  }
  for (size_t b = 0; b < weights.size(); ++b) {
    if (weights[b].size() + 1 < length) {
      fail(ErrorKind::kBadData, "sequence {} of {} tokens has {} weights, wanted {}", b, length,
           weights[b].size(), length - 1);
    }
  }

  LocalBatch batch;
  batch.length = static_cast<int64_t>(length);
  batch.positions = local_positions(ring.padded_length(batch.length), ring.group().size(),
                                    ring.group().rank(), ring.placement());
  const auto count = static_cast<int64_t>(sequences.size());
  const auto n = static_cast<int64_t>(batch.positions.size());
  batch.tokens = at::empty({count, n}, at::kLong);
  batch.labels = at::empty({count, n}, at::kLong);
  at::Tensor local_weights = at::empty({count, n}, at::kFloat);
  auto* tokens = batch.tokens.data_ptr<int64_t>();
  auto* labels = batch.labels.data_ptr<int64_t>();
  auto* w = local_weights.data_ptr<float>();
  for (size_t b = 0; b < sequences.size(); ++b) {
    for (const int64_t position : batch.positions) {
      const auto t = static_cast<size_t>(position);
      const bool has_next = t + 1 < length;
      *tokens++ = t < length ? sequences[b][t] : 0;
      *labels++ = has_next ? sequences[b][t + 1] : -100;
      *w++ = !has_next ? 0.0f : (weights.empty() ? 1.0f : weights[b][t]);
    }
  }
  if (!weights.empty()) batch.weights = local_weights.to(ops::accumulation_type(dtype));
  return batch;
}

}  // namespace ropeway
