#include "trainer/score/score_sequences.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "parallel/board/position.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {
namespace {

// Sequences [begin, end).
TokenLosses score_batch(CausalLM& model, Communicator& group, const FactorSet& factors,
                        const SequenceSet& sequences, int64_t begin, int64_t end) {
  std::vector<std::vector<int32_t>> tokens;
  std::vector<int64_t> score_from;
  std::vector<OtherTokens> others;
  for (int64_t i = begin; i < end; ++i) {
    SequenceToScore sequence = sequences.of(i);
    ROPEWAY_CHECK(static_cast<int64_t>(sequence.tokens.size()) == sequences.length,
                  "sequence {} has {} tokens", i, sequence.tokens.size());
    tokens.push_back(std::move(sequence.tokens));
    score_from.push_back(sequence.score_from);
    if (sequences.others == 0) continue;
    ROPEWAY_CHECK(std::ssize(sequence.others.tokens) == sequences.others, "{} other tokens of sequence {}",
                  sequence.others.tokens.size(), i);
    others.push_back(std::move(sequence.others));
  }
  return token_losses(model, group, factors, tokens, score_from, others);
}

// The scores of a round: one batch per row of the mesh. Every sequence is scored by one row and is zero on the
// others, so the sum over rows only gathers: it adds nothing and rounds nothing.
class Gathered {
 public:
  Gathered(int64_t sequences, int64_t length, int64_t others) : length_(length), others_(others) {
    losses_.nll.resize(static_cast<size_t>(sequences * length));
    losses_.correct.resize(losses_.nll.size());
    losses_.other_nll.resize(static_cast<size_t>(sequences * others));
    losses_.other_correct.resize(losses_.other_nll.size());
  }
  void clear() {
    for (auto* values : {&losses_.nll, &losses_.other_nll}) std::ranges::fill(*values, 0.0);
    for (auto* flags : {&losses_.correct, &losses_.other_correct}) std::ranges::fill(*flags, uint8_t{0});
  }
  void put(int64_t first, const TokenLosses& batch) {
    std::ranges::copy(batch.nll, losses_.nll.begin() + first * length_);
    std::ranges::copy(batch.correct, losses_.correct.begin() + first * length_);
    std::ranges::copy(batch.other_nll, losses_.other_nll.begin() + first * others_);
    std::ranges::copy(batch.other_correct, losses_.other_correct.begin() + first * others_);
  }
  void sum(Communicator& rows) {
    for (auto* values : {&losses_.nll, &losses_.other_nll}) {
      if (!values->empty()) rows.all_reduce(values->data(), std::ssize(*values), DType::kF64, ReduceOp::kSum);
    }
    for (auto* flags : {&losses_.correct, &losses_.other_correct}) {
      if (!flags->empty()) rows.all_reduce(flags->data(), std::ssize(*flags), DType::kU8, ReduceOp::kSum);
    }
  }
  SequenceScore of(int64_t sequence) const {
    const auto at = static_cast<size_t>(sequence * length_), size = static_cast<size_t>(length_ - 1);
    const auto other = static_cast<size_t>(sequence * others_), others = static_cast<size_t>(others_);
    return {std::span(losses_.nll).subspan(at, size), std::span(losses_.correct).subspan(at, size),
            std::span(losses_.other_nll).subspan(other, others),
            std::span(losses_.other_correct).subspan(other, others)};
  }

 private:
  const int64_t length_, others_;
  TokenLosses losses_;
};

}  // namespace

void score_sequences(CausalLM& model, const Mesh& mesh, const FactorSet& factors,
                     const SequenceSet& sequences, const std::string& purpose, const UseScore& use) {
  const int64_t length = sequences.length, count = sequences.count, rows = mesh.size(Axis::kData);
  if (length < 2) fail(ErrorKind::kConfig, "{}: length {}, wanted at least 2 tokens", purpose, length);
  const int64_t even_share = (count + rows - 1) / rows;
  const int64_t batch = std::min(scored_together(model.plan(), length), std::max<int64_t>(1, even_share));

  Communicator& column = mesh.group(Axis::kData);
  Gathered gathered(rows * batch, length, sequences.others);
  for (int64_t round_begin = 0; round_begin < count; round_begin += rows * batch) {
    Position::here().set_step(round_begin + 1);
    gathered.clear();
    const int64_t begin = round_begin + mesh.index(Axis::kData) * batch;
    const int64_t end = std::min(begin + batch, count);
    if (begin < end) {
      gathered.put(begin - round_begin,
                   score_batch(model, mesh.group(Axis::kSequence), factors, sequences, begin, end));
    }
    gathered.sum(column);
    const int64_t round_end = std::min(round_begin + rows * batch, count);
    for (int64_t i = round_begin; i < round_end; ++i) {
      const SequenceScore score = gathered.of(i - round_begin);
      for (size_t t = 0; t < score.nll.size(); ++t) {
        if (!std::isfinite(score.nll[t])) {
          fail(ErrorKind::kNumerics, "{}: loss of window {} at position {} is {} with factor set '{}'",
               purpose, i, t, score.nll[t], factors.name);
        }
      }
      use(i, score);
    }
    if (sequences.round_done) sequences.round_done();
  }
}

ScoreSequences scores_of(CausalLM& model, const Mesh& mesh, const FactorSet& factors) {
  return [&model, &mesh, &factors](const SequenceSet& sequences, const std::string& purpose,
                                   const UseScore& use) {
    score_sequences(model, mesh, factors, sequences, purpose, use);
  };
}

ScoreSequences told_scores(ScoreSequences score, TellDone tell, std::function<void()> between) {
  return [score = std::move(score), tell = std::move(tell), between = std::move(between)](
             const SequenceSet& sequences, const std::string& purpose, const UseScore& use) {
    SequenceSet told = sequences;
    told.round_done = [&] {
      if (sequences.round_done) sequences.round_done();
      if (between) between();
    };
    if (tell) tell(purpose, 0, sequences.count);
    score(told, purpose, [&](int64_t index, const SequenceScore& scored) {
      use(index, scored);
      if (tell) tell(purpose, index + 1, sequences.count);
    });
  };
}

}  // namespace ropeway
