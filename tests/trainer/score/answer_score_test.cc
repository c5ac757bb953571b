#include "trainer/score/answer_score.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/errors.h"

namespace ropeway {
namespace {

const std::vector<double> kNll = {1, 2, 4, 8, 16};
const std::vector<uint8_t> kCorrect = {1, 1, 0, 1, 1};
const SequenceScore kScore = {kNll, kCorrect};  // of six tokens

// Token 1 is predicted by entry 0.
TEST(AnswerScore, IsOfThePredictionsOfItsTokens) {
  const AnswerScore first = score_of_answer(kScore, 1, 2);
  EXPECT_EQ(first.nll, 3);
  EXPECT_EQ(first.tokens, 2);
  EXPECT_TRUE(first.right);
  const AnswerScore last = score_of_answer(kScore, 3, 3);
  EXPECT_EQ(last.nll, 28);
  EXPECT_FALSE(last.right) << "its first token is not the arg-max";
}

TEST(AnswerScore, RefusesWhatIsNoPartOfTheSequence) {
  EXPECT_TRUE(error_of([] { score_of_answer(kScore, 0, 1); }));
  EXPECT_TRUE(error_of([] { score_of_answer(kScore, 3, 4); }));
  EXPECT_FALSE(error_of([] { score_of_answer(kScore, 5, 1); }));
}

TEST(AnswerTally, AddsTokensAndAnswers) {
  AnswerTally tally;
  tally.add(score_of_answer(kScore, 1, 2));
  tally.add(score_of_answer(kScore, 3, 1));
  EXPECT_EQ(tally.answers, 2);
  EXPECT_EQ(tally.right, 1);
  EXPECT_DOUBLE_EQ(tally.mean_nll(), 7.0 / 3);
}

}  // namespace
}  // namespace ropeway
