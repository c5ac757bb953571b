#include "trainer/model/token_losses.h"

#include <ATen/core/Tensor.h>

#include "kernels/base/error.h"
#include "kernels/loss/cross_entropy.h"
#include "parallel/attention/sequence_attention.h"
#include "parallel/comm/communicator.h"
#include "parallel/comm/exchange_values.h"
#include "trainer/model/causal_lm.h"
#include "trainer/model/local_batch.h"

namespace ropeway {
namespace {

void ignore_labels_before(const std::vector<int64_t>& score_from, LocalBatch& batch) {
  int64_t* label = batch.labels.mutable_data_ptr<int64_t>();
  for (size_t b = 0; b < score_from.size(); ++b) {
    for (const int64_t position : batch.layout.positions(static_cast<int64_t>(b))) {
      if (position < score_from[b]) *label = kIgnoredLabel;
      ++label;
    }
  }
}

}  // namespace

TokenLosses token_losses(CausalLM& model, Communicator& group, const FactorSet& factors,
                         const std::vector<std::vector<int32_t>>& sequences,
                         const std::vector<int64_t>& score_from) {
  ROPEWAY_CHECK(score_from.empty() || score_from.size() == sequences.size(), "{} starts for {} sequences",
                score_from.size(), sequences.size());
  LocalBatch batch = make_local_batch(sequences, {}, model.attention().split(), at::kFloat);
  ignore_labels_before(score_from, batch);
  const CausalLM::TokenResults results = model.evaluate(batch, factors);
  const at::Tensor local_nll = results.nll.to(at::kDouble).contiguous();
  const at::Tensor local_correct = results.correct.to(at::kByte).contiguous();

  const auto count = static_cast<int64_t>(sequences.size());
  const auto length = static_cast<int64_t>(sequences.front().size());
  TokenLosses losses;
  losses.nll.assign(static_cast<size_t>(count * length), 0.0);
  losses.correct.assign(losses.nll.size(), 0);
  const double* nll = local_nll.const_data_ptr<double>();
  const uint8_t* correct = local_correct.const_data_ptr<uint8_t>();
  for (int64_t b = 0; b < count; ++b) {
    for (const int64_t position : batch.layout.positions(b)) {
      if (position < length) {  // the rest is padding
        losses.nll[b * length + position] = *nll;
        losses.correct[b * length + position] = *correct;
      }
      ++nll;
      ++correct;
    }
  }
  // The other ranks' zeros add nothing and round nothing.
  all_reduce_sum(group, losses.nll);
  group.all_reduce(losses.correct.data(), static_cast<int64_t>(losses.correct.size()), DType::kU8,
                   ReduceOp::kSum);
  return losses;
}

}  // namespace ropeway
