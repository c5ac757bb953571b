#include "trainer/evaluate/score_sequences.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "parallel/board/position.h"
#include "trainer/model/token_losses.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {
namespace {

// Sequences [begin, end).
TokenLosses score_batch(CausalLM& model, Communicator& group, const FactorSet& factors,
                        const SequenceSet& sequences, int64_t begin, int64_t end) {
  std::vector<std::vector<int32_t>> tokens;
  std::vector<int64_t> score_from;
  for (int64_t i = begin; i < end; ++i) {
    SequenceToScore sequence = sequences.of(i);
    ROPEWAY_CHECK(static_cast<int64_t>(sequence.tokens.size()) == sequences.length,
                  "sequence {} has {} tokens", i, sequence.tokens.size());
    tokens.push_back(std::move(sequence.tokens));
    score_from.push_back(sequence.score_from);
  }
  return token_losses(model, group, factors, tokens, score_from);
}

}  // namespace

void score_sequences(CausalLM& model, const Mesh& mesh, const FactorSet& factors,
                     const SequenceSet& sequences, const std::string& purpose, const UseScore& use) {
  const int64_t length = sequences.length, count = sequences.count, rows = mesh.size(Axis::kData);
  if (length < 2) fail(ErrorKind::kConfig, "{}: length {}, wanted at least 2 tokens", purpose, length);
  const int64_t even_share = (count + rows - 1) / rows;
  const int64_t batch = std::min(scored_together(model.plan(), length), std::max<int64_t>(1, even_share));

  // One batch per row and round. Every sequence is scored by one row and is zero on the others, so the sum
  // over rows only gathers: it adds nothing and rounds nothing.
  std::vector<double> nll(static_cast<size_t>(rows * batch * length));
  std::vector<uint8_t> correct(nll.size());
  for (int64_t round_begin = 0; round_begin < count; round_begin += rows * batch) {
    Position::here().set_step(round_begin + 1);
    std::fill(nll.begin(), nll.end(), 0.0);
    std::fill(correct.begin(), correct.end(), uint8_t{0});
    const int64_t begin = round_begin + mesh.index(Axis::kData) * batch;
    const int64_t end = std::min(begin + batch, count);
    if (begin < end) {
      const TokenLosses losses =
          score_batch(model, mesh.group(Axis::kSequence), factors, sequences, begin, end);
      const int64_t offset = (begin - round_begin) * length;
      std::copy(losses.nll.begin(), losses.nll.end(), nll.begin() + offset);
      std::copy(losses.correct.begin(), losses.correct.end(), correct.begin() + offset);
    }
    Communicator& column = mesh.group(Axis::kData);
    column.all_reduce(nll.data(), static_cast<int64_t>(nll.size()), DType::kF64, ReduceOp::kSum);
    column.all_reduce(correct.data(), static_cast<int64_t>(correct.size()), DType::kU8, ReduceOp::kSum);

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

ScoreSequences scores_of(CausalLM& model, const Mesh& mesh, const FactorSet& factors) {
  return [&model, &mesh, &factors](const SequenceSet& sequences, const std::string& purpose,
                                   const UseScore& use) {
    score_sequences(model, mesh, factors, sequences, purpose, use);
  };
}

}  // namespace ropeway
