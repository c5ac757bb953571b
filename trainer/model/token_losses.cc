#include "trainer/model/token_losses.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>

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

// Calls use(row of the batch, local index) where this rank holds the position of a sequence's other tokens.
template <typename Use>
void at_others(const LocalBatch& batch, const std::vector<OtherTokens>& others, const Use& use) {
  for (size_t b = 0; b < others.size(); ++b) {
    const auto& positions = batch.layout.positions(static_cast<int64_t>(b));
    for (size_t i = 0; i < positions.size(); ++i) {
      if (positions[i] == others[b].position) use(b, static_cast<int64_t>(i));
    }
  }
}

// Labels [(1 + k) B, n]: below those of the sequences, those of the first other token of each, and so on.
void add_other_labels(const std::vector<OtherTokens>& others, LocalBatch& batch) {
  const auto count = static_cast<int64_t>(others.front().tokens.size());
  const int64_t rows = batch.labels.size(0), length = batch.labels.size(1);
  const at::Tensor all = at::full({(1 + count) * rows, length}, kIgnoredLabel, batch.labels.options());
  all.narrow(0, 0, rows).copy_(batch.labels);
  int64_t* const labels = all.mutable_data_ptr<int64_t>();
  at_others(batch, others, [&](size_t b, int64_t i) {
    ROPEWAY_CHECK(std::ssize(others[b].tokens) == count, "{} other tokens beside {}", others[b].tokens.size(),
                  count);
    for (int64_t k = 0; k < count; ++k) {
      labels[((1 + k) * rows + static_cast<int64_t>(b)) * length + i] =
          others[b].tokens[static_cast<size_t>(k)];
    }
  });
  batch.labels = all;
}

// Of the labels that add_other_labels() added; the ranks' shares are summed.
void take_other_losses(const LocalBatch& batch, const std::vector<OtherTokens>& others, const double* nll,
                       const uint8_t* correct, Communicator& group, TokenLosses& losses) {
  const auto count = static_cast<int64_t>(others.front().tokens.size());
  const int64_t rows = batch.tokens.size(0), length = batch.tokens.size(1);
  losses.other_nll.assign(static_cast<size_t>(rows * count), 0.0);
  losses.other_correct.assign(losses.other_nll.size(), 0);
  at_others(batch, others, [&](size_t b, int64_t i) {
    for (int64_t k = 0; k < count; ++k) {
      const auto from = static_cast<size_t>(((1 + k) * rows + static_cast<int64_t>(b)) * length + i);
      losses.other_nll[b * static_cast<size_t>(count) + static_cast<size_t>(k)] = nll[from];
      losses.other_correct[b * static_cast<size_t>(count) + static_cast<size_t>(k)] = correct[from];
    }
  });
  all_reduce_sum(group, losses.other_nll);
  group.all_reduce(losses.other_correct.data(), std::ssize(losses.other_correct), DType::kU8, ReduceOp::kSum);
}

}  // namespace

TokenLosses token_losses(CausalLM& model, Communicator& group, const FactorSet& factors,
                         const std::vector<std::vector<int32_t>>& sequences,
                         const std::vector<int64_t>& score_from, const std::vector<OtherTokens>& others) {
  ROPEWAY_CHECK(score_from.empty() || score_from.size() == sequences.size(), "{} starts for {} sequences",
                score_from.size(), sequences.size());
  LocalBatch batch = make_local_batch(sequences, {}, model.attention().split(), at::kFloat);
  ignore_labels_before(score_from, batch);
  const bool has_others = !others.empty() && !others.front().tokens.empty();
  if (has_others) add_other_labels(others, batch);
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
  if (has_others) take_other_losses(batch, others, nll, correct, group, losses);
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
