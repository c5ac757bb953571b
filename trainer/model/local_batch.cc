#include "trainer/model/local_batch.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "kernels/base/error.h"
#include "kernels/loss/cross_entropy.h"
#include "kernels/ops/accumulation_type.h"

namespace ropeway {
namespace {

void check(const std::vector<std::vector<int32_t>>& sequences, const std::vector<std::vector<float>>& weights,
           const SequenceLayout& layout) {
  if (sequences.empty()) fail(ErrorKind::kBadData, "a batch without sequences");
  if (static_cast<int64_t>(sequences.size()) != layout.num_sequences()) {
    fail(ErrorKind::kBadData, "a batch of {} sequences with a layout of {}", sequences.size(),
         layout.num_sequences());
  }
  for (size_t b = 0; b < sequences.size(); ++b) {
    const int64_t length = layout.sequence(static_cast<int64_t>(b)).length;
    if (static_cast<int64_t>(sequences[b].size()) != length) {
      fail(ErrorKind::kBadData, "sequence {} of a batch has {} tokens, its layout {}", b, sequences[b].size(),
           length);
    }
  }
  if (!weights.empty() && weights.size() != sequences.size()) {
    fail(ErrorKind::kBadData, "weights for {} sequences of a batch of {}", weights.size(), sequences.size());
  }
  for (size_t b = 0; b < weights.size(); ++b) {
    const size_t length = sequences[b].size();
    if (weights[b].size() + 1 < length) {
      fail(ErrorKind::kBadData, "sequence {} of {} tokens has {} weights, wanted {}", b, length,
           weights[b].size(), length - 1);
    }
  }
}

bool starts_document(const SequenceSpec& sequence, int64_t position) {
  return std::binary_search(sequence.documents.begin(), sequence.documents.end(), position);
}

}  // namespace

LocalBatch make_local_batch(const std::vector<std::vector<int32_t>>& sequences,
                            const std::vector<std::vector<float>>& weights, const SequenceLayout& layout,
                            at::ScalarType dtype) {
  check(sequences, weights, layout);
  LocalBatch batch;
  batch.layout = layout;
  const int64_t count = layout.num_sequences(), n = layout.local_length();
  batch.tokens = at::empty({count, n}, at::kLong);
  batch.labels = at::empty({count, n}, at::kLong);
  at::Tensor local_weights = at::empty({count, n}, at::kFloat);
  auto* tokens = batch.tokens.data_ptr<int64_t>();
  auto* labels = batch.labels.data_ptr<int64_t>();
  auto* w = local_weights.data_ptr<float>();
  for (int64_t b = 0; b < count; ++b) {
    const SequenceSpec& sequence = layout.sequence(b);
    const std::vector<int32_t>& whole = sequences[static_cast<size_t>(b)];
    for (const int64_t position : layout.positions(b)) {
      const auto t = static_cast<size_t>(position);
      const bool has_next = position + 1 < sequence.length && !starts_document(sequence, position + 1);
      *tokens++ = position < sequence.length ? whole[t] : 0;
      *labels++ = has_next ? whole[t + 1] : kIgnoredLabel;
      *w++ = !has_next ? 0.0f : (weights.empty() ? 1.0f : weights[static_cast<size_t>(b)][t]);
    }
  }
  if (!weights.empty()) batch.weights = local_weights.to(ops::accumulation_type(dtype));
  return batch;
}

LocalBatch make_local_batch(const std::vector<std::vector<int32_t>>& sequences,
                            const std::vector<std::vector<float>>& weights, const SequenceSplit& split,
                            at::ScalarType dtype) {
  if (sequences.empty()) fail(ErrorKind::kBadData, "a batch without sequences");
  const size_t length = sequences.front().size();
  for (size_t b = 0; b < sequences.size(); ++b) {
    if (sequences[b].size() != length) {
      fail(ErrorKind::kBadData, "sequence {} of a batch has {} tokens, the first one {}", b,
           sequences[b].size(), length);
    }
  }
  const SequenceLayout layout(split, static_cast<int64_t>(sequences.size()), static_cast<int64_t>(length));
  return make_local_batch(sequences, weights, layout, dtype);
}

}  // namespace ropeway
