#include "trainer/score/answer_score.h"

#include "kernels/base/error.h"

namespace ropeway {

AnswerScore score_of_answer(const SequenceScore& score, int64_t begin, int64_t count) {
  ROPEWAY_CHECK(begin > 0 && count > 0 && begin + count <= std::ssize(score.nll) + 1,
                "an answer of {} tokens from {} on in a sequence of {}", count, begin, score.nll.size() + 1);
  AnswerScore answer{.tokens = count};
  // A prediction stands where the token before it is.
  for (int64_t t = begin - 1; t < begin - 1 + count; ++t) {
    answer.nll += score.nll[static_cast<size_t>(t)];
    answer.right = answer.right && score.correct[static_cast<size_t>(t)] != 0;
  }
  return answer;
}

void AnswerTally::add(const AnswerScore& answer) {
  nll += answer.nll;
  tokens += answer.tokens;
  ++answers;
  right += answer.right ? 1 : 0;
}

}  // namespace ropeway
