#include "trainer/score/kept_scores.h"

#include <cstring>
#include <optional>
#include <vector>

#include "kernels/base/error.h"
#include "trainer/files/sha256.h"

namespace ropeway {
namespace {

std::string key_of(const std::string& subject, const SequenceToScore& sequence) {
  Sha256 hash;
  const auto add = [&](const std::vector<int32_t>& tokens) {
    const auto count = static_cast<uint64_t>(tokens.size());
    hash.update(&count, sizeof count);
    hash.update(tokens.data(), tokens.size() * sizeof tokens[0]);
  };
  hash.update(subject.data(), subject.size());
  hash.update(&sequence.score_from, sizeof sequence.score_from);
  add(sequence.tokens);
  hash.update(&sequence.others.position, sizeof sequence.others.position);
  add(sequence.others.tokens);
  return hash.finish();
}

// Losses and flags of the predictions that are wanted, and of other tokens.
std::string packed(const SequenceScore& score, int64_t score_from) {
  std::vector<double> nll;
  std::vector<uint8_t> correct;
  nll.assign(score.nll.begin() + score_from, score.nll.end());
  nll.insert(nll.end(), score.other_nll.begin(), score.other_nll.end());
  correct.assign(score.correct.begin() + score_from, score.correct.end());
  correct.insert(correct.end(), score.other_correct.begin(), score.other_correct.end());
  std::string bytes(reinterpret_cast<const char*>(nll.data()), nll.size() * sizeof(double));
  bytes.append(reinterpret_cast<const char*>(correct.data()), correct.size());
  return bytes;
}

void use_packed(const std::string& bytes, int64_t index, const SequenceSet& sequences, const UseScore& use) {
  const auto all = static_cast<size_t>(sequences.length - 1), others = static_cast<size_t>(sequences.others);
  const size_t kept = bytes.size() / (sizeof(double) + 1);
  ROPEWAY_CHECK(bytes.size() % (sizeof(double) + 1) == 0 && kept >= others && kept <= all + others,
                "{} bytes kept of {} predictions", bytes.size(), all);
  const size_t before = all + others - kept;  // predictions that are not wanted
  std::vector<double> nll(all + others, 0.0);
  std::vector<uint8_t> correct(nll.size(), 0);
  std::memcpy(nll.data() + before, bytes.data(), kept * sizeof(double));
  std::memcpy(correct.data() + before, bytes.data() + kept * sizeof(double), kept);
  use(index, {std::span(nll).first(all), std::span(correct).first(all), std::span(nll).subspan(all),
              std::span(correct).subspan(all)});
}

}  // namespace

ScoreSequences kept_scores(ScoreSequences score, KeptPieces& pieces, std::string subject) {
  return [score = std::move(score), &pieces, subject = std::move(subject)](
             const SequenceSet& sequences, const std::string& purpose, const UseScore& use) {
    std::vector<std::optional<std::string>> known;
    for (int64_t i = 0; i < sequences.count; ++i) {
      known.push_back(pieces.find([&] { return key_of(subject, sequences.of(i)); }));
    }
    const auto is_known = [&](int64_t i) { return known[static_cast<size_t>(i)].has_value(); };
    for (int64_t begin = 0, end = 0; begin < sequences.count; begin = end) {
      if (is_known(begin)) {
        use_packed(*known[static_cast<size_t>(begin)], begin, sequences, use);
        end = begin + 1;
        continue;
      }
      while (end < sequences.count && !is_known(end)) ++end;
      SequenceSet part = sequences;
      part.count = end - begin;
      part.of = [&](int64_t index) { return sequences.of(begin + index); };
      part.round_done = [&] {
        pieces.write_when_due();
        if (sequences.round_done) sequences.round_done();
      };
      score(part, purpose, [&](int64_t index, const SequenceScore& scored) {
        std::optional<SequenceToScore> sequence;  // made on rank 0 alone
        pieces.add(
            [&] {
              sequence = sequences.of(begin + index);
              return key_of(subject, *sequence);
            },
            [&] { return packed(scored, sequence->score_from); });
        use(begin + index, scored);
      });
    }
  };
}

}  // namespace ropeway
