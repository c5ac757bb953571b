#include "trainer/evaluate/score_sequences.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "kernels/loss/cross_entropy.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {
namespace {

// Writes this rank's tokens of sequences [begin, end) into row-major [end - begin, length] arrays.
void score_batch(CausalLM& model, const FactorSet& factors, const SequenceSet& sequences, int64_t begin,
                 int64_t end, double* nll, uint8_t* correct) {
  std::vector<std::vector<int32_t>> batch_tokens;
  std::vector<int64_t> score_from;
  for (int64_t i = begin; i < end; ++i) {
    SequenceToScore sequence = sequences.of(i);
    ROPEWAY_CHECK(static_cast<int64_t>(sequence.tokens.size()) == sequences.length,
                  "sequence {} has {} tokens", i, sequence.tokens.size());
    batch_tokens.push_back(std::move(sequence.tokens));
    score_from.push_back(sequence.score_from);
  }
  const LocalBatch batch = make_local_batch(batch_tokens, {}, model.attention().split(), at::kFloat);
  int64_t* label = batch.labels.mutable_data_ptr<int64_t>();
  for (int64_t b = 0; b < end - begin; ++b) {
    for (const int64_t position : batch.layout.positions(b)) {
      if (position < score_from[static_cast<size_t>(b)]) *label = kIgnoredLabel;
      ++label;
    }
  }
  const CausalLM::TokenResults results = model.evaluate(batch, factors);
  const at::Tensor local_nll = results.nll.to(at::kDouble).contiguous();
  const at::Tensor local_correct = results.correct.to(at::kByte).contiguous();
  const double* from_nll = local_nll.const_data_ptr<double>();
  const uint8_t* from_correct = local_correct.const_data_ptr<uint8_t>();
  for (int64_t b = 0; b < end - begin; ++b) {
    for (const int64_t position : batch.layout.positions(b)) {
      const double token_nll = *from_nll++;
      const uint8_t token_correct = *from_correct++;
      if (position >= sequences.length) continue;  // padding
      nll[b * sequences.length + position] = token_nll;
      correct[b * sequences.length + position] = token_correct;
    }
  }
}

}  // namespace

void score_sequences(CausalLM& model, const Mesh& mesh, const FactorSet& factors,
                     const SequenceSet& sequences, const std::string& purpose,
                     const std::function<void(int64_t index, const SequenceScore& score)>& use) {
  const int64_t length = sequences.length, count = sequences.count, rows = mesh.size(Axis::kData);
  if (length < 2) fail(ErrorKind::kConfig, "{}: length {}, wanted at least 2 tokens", purpose, length);
  const int64_t even_share = (count + rows - 1) / rows;
  const int64_t batch = std::min(scored_together(model.plan(), length), std::max<int64_t>(1, even_share));

  // One batch a row and round. Every token is scored by exactly one rank and is zero on the others, so the
  // sum over ranks only gathers: it adds nothing and rounds nothing.
  std::vector<double> nll(static_cast<size_t>(rows * batch * length));
  std::vector<uint8_t> correct(nll.size());
  for (int64_t round_begin = 0; round_begin < count; round_begin += rows * batch) {
    std::fill(nll.begin(), nll.end(), 0.0);
    std::fill(correct.begin(), correct.end(), uint8_t{0});
    const int64_t begin = round_begin + mesh.index(Axis::kData) * batch;
    const int64_t end = std::min(begin + batch, count);
    if (begin < end) {
      const int64_t offset = (begin - round_begin) * length;
      score_batch(model, factors, sequences, begin, end, nll.data() + offset, correct.data() + offset);
    }
    mesh.world().all_reduce(nll.data(), static_cast<int64_t>(nll.size()), DType::kF64, ReduceOp::kSum);
    mesh.world().all_reduce(correct.data(), static_cast<int64_t>(correct.size()), DType::kU8, ReduceOp::kSum);

    const int64_t round_end = std::min(round_begin + rows * batch, count);
    for (int64_t i = round_begin; i < round_end; ++i) {
      const size_t first = static_cast<size_t>((i - round_begin) * length);
      const SequenceScore score = {std::span(nll).subspan(first, static_cast<size_t>(length - 1)),
                                   std::span(correct).subspan(first, static_cast<size_t>(length - 1))};
      for (size_t t = 0; t < score.nll.size(); ++t) {
        if (!std::isfinite(score.nll[t])) {
          fail(ErrorKind::kNumerics, "{}: loss of window {} at position {} is {} with factor set '{}'",
               purpose, i, t, score.nll[t], factors.name);
        }
      }
      use(i, score);
    }
  }
}

}  // namespace ropeway
