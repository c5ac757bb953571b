// Answers by log-likelihood: the sums against whole passes over each answer alone, what counts as right
// against a count by hand, and the same on any mesh.
#include "trainer/benchmarks/choice_eval.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/base/error.h"
#include "tests/support/tiny_rank.h"
#include "trainer/model/token_losses.h"
#include "trainer/rope/schedules.h"
#include "trainer/tokenizer/byte_tokenizer.h"

namespace ropeway {
namespace {

ChoiceQuestion question(const std::string& context, const std::vector<std::string>& answers, int64_t gold) {
  ChoiceQuestion made = {.options = {}, .gold = gold, .where = "test:1"};
  for (const std::string& answer : answers) made.options.push_back({context, answer});
  return made;
}

ChoiceTask some_task() {
  ChoiceTask task = {.name = "some", .questions = {}, .sha256 = ""};
  task.questions.push_back(question("Which is a colour? A:", {" red", " seventeen or so", " a"}, 0));
  task.questions.push_back(question("x", {" y", " zz zz zz zz zz zz zz zz"}, 1));
  task.questions.push_back(
      question("A context that is longer than the others by some words. A:", {" no", " yes"}, 1));
  return task;
}

const PairOptions kOptions = {.window = 128};

TEST(ChoiceEval, ScoresAreThoseOfEachAnswerAlone) {
  AloneRank alone;
  const auto tokenizer = make_byte_tokenizer();
  const FactorSet factors = computed_factor_set(kOriginalRope, tiny_config().rope_geometry(), 64);
  const ChoiceTask task = some_task();
  const ChoiceResult result =
      evaluate_choices(scores_of(alone.rank.model, alone.rank.mesh, factors), *tokenizer, task, kOptions);
  EXPECT_EQ(result.questions, 3);
  EXPECT_EQ(result.options, 7);
  EXPECT_EQ(result.cut, 0);
  int64_t right = 0, right_norm = 0;
  double nll = 0, tokens = 0;
  for (size_t q = 0; q < task.questions.size(); ++q) {
    std::vector<double> sums, norms;
    for (size_t o = 0; o < task.questions[q].options.size(); ++o) {
      const auto& [context, continuation] = task.questions[q].options[o];
      const std::string text = context + continuation;
      const std::vector<int32_t> ids(text.begin(), text.end());
      const TokenLosses losses =
          token_losses(alone.rank.model, alone.rank.mesh.group(Axis::kSequence), factors, {ids});
      double sum = 0;
      bool greedy = true;
      for (size_t t = context.size() - 1; t + 1 < text.size(); ++t) {
        sum -= losses.nll[t];
        greedy = greedy && losses.correct[t] != 0;
      }
      EXPECT_NEAR(result.scores[q][o].loglikelihood, sum, 1e-9);
      EXPECT_EQ(result.scores[q][o].is_greedy, greedy);
      EXPECT_EQ(result.scores[q][o].tokens, static_cast<int64_t>(continuation.size()));
      sums.push_back(sum);
      norms.push_back(sum / static_cast<double>(continuation.size() - 1));
    }
    const size_t gold = static_cast<size_t>(task.questions[q].gold);
    right += *std::ranges::max_element(sums) == sums[gold];
    right_norm += *std::ranges::max_element(norms) == norms[gold];
    nll -= sums[gold];
    tokens += static_cast<double>(task.questions[q].options[gold].continuation.size());
  }
  EXPECT_DOUBLE_EQ(result.accuracy.share, static_cast<double>(right) / 3);
  EXPECT_DOUBLE_EQ(result.accuracy_norm.share, static_cast<double>(right_norm) / 3);
  EXPECT_NEAR(result.right_nll, nll / tokens, 1e-9);
}

// Characters are counted, not bytes, and of a blank in front one is left out.
TEST(ChoiceEval, NormIsPerCharacter) {
  AloneRank alone;
  const auto tokenizer = make_byte_tokenizer();
  const FactorSet factors = computed_factor_set(kOriginalRope, tiny_config().rope_geometry(), 64);
  ChoiceTask task = {
      .name = "norm", .questions = {question("a", {" \xc3\xa9\xc3\xa9", " bbbb"}, 0)}, .sha256 = ""};
  const auto at = [&](int64_t gold) {
    task.questions[0].gold = gold;
    return evaluate_choices(scores_of(alone.rank.model, alone.rank.mesh, factors), *tokenizer, task,
                            kOptions);
  };
  const ChoiceResult result = at(0);
  const double accented = result.scores[0][0].loglikelihood / 2,
               plain = result.scores[0][1].loglikelihood / 4;
  EXPECT_EQ(result.accuracy_norm.share, accented >= plain ? 1.0 : 0.0);
  EXPECT_EQ(at(1).accuracy_norm.share, accented >= plain ? 0.0 : 1.0);
}

// Answers of one token each behind one context are scored in one pass, like each answer alone.
TEST(ChoiceEval, OneContextIsScoredOnceForItsOneTokenAnswers) {
  const auto tokenizer = make_byte_tokenizer();
  const FactorSet factors = computed_factor_set(kOriginalRope, tiny_config().rope_geometry(), 64);
  const ChoiceTask task = {
      .name = "letters",
      .questions = {question("the first context:", {"a", "b", "c", "d"}, 2),
                    question("and another one", {"x", "yz"}, 0),
                    question("a third, longer than these are:", {"d", "c", "b", "a"}, 0)},
      .sha256 = ""};
  for (const MeshShape shape : {MeshShape{1, 1}, MeshShape{2, 1}, MeshShape{1, 2}}) {
    on_mesh<int>(shape, [&](TinyRank& rank) {
      int64_t sequences = 0;
      const ScoreSequences score = scores_of(rank.model, rank.mesh, factors);
      const ScoreSequences counted = [&](const SequenceSet& set, const std::string& purpose,
                                         const UseScore& use) {
        sequences += set.count;
        score(set, purpose, use);
      };
      const ChoiceResult result = evaluate_choices(counted, *tokenizer, task, kOptions);
      EXPECT_EQ(sequences, 1 + 2 + 1);
      for (size_t q = 0; q < task.questions.size(); ++q) {
        for (size_t o = 0; o < task.questions[q].options.size(); ++o) {
          const auto& [context, continuation] = task.questions[q].options[o];
          const EncodedPair pair = encode_pair(*tokenizer, context, continuation, kOptions);
          const TokenLosses alone =
              token_losses(rank.model, rank.mesh.group(Axis::kSequence), factors, {pair.tokens});
          double sum = 0;
          bool greedy = true;
          for (size_t t = pair.tokens.size() - 1 - continuation.size(); t + 1 < pair.tokens.size(); ++t) {
            sum += alone.nll[t];
            greedy = greedy && alone.correct[t] != 0;
          }
          EXPECT_NEAR(result.scores[q][o].loglikelihood, -sum, 1e-9) << q << " " << o;
          EXPECT_EQ(result.scores[q][o].is_greedy, greedy) << q << " " << o;
          EXPECT_EQ(result.scores[q][o].tokens, std::ssize(continuation)) << q << " " << o;
        }
      }
      return 0;
    });
  }
}

TEST(ChoiceEval, SameOnAnyMesh) {
  const auto scores_on = [](MeshShape shape) {
    return on_mesh<std::vector<double>>(shape, [](TinyRank& rank) {
      std::vector<double> all;
      const FactorSet factors = computed_factor_set(kOriginalRope, tiny_config().rope_geometry(), 64);
      const auto result = evaluate_choices(scores_of(rank.model, rank.mesh, factors), *make_byte_tokenizer(),
                                           some_task(), kOptions);
      for (const auto& question : result.scores) {
        for (const OptionScore& score : question) all.push_back(score.loglikelihood);
      }
      all.push_back(result.accuracy.share);
      return all;
    });
  };
  const auto alone = scores_on({1, 1});
  for (const MeshShape shape : {MeshShape{2, 1}, MeshShape{1, 2}, MeshShape{2, 2}}) {
    for (const auto& scores : scores_on(shape)) {
      ASSERT_EQ(scores.size(), alone[0].size());
      for (size_t i = 0; i < scores.size(); ++i) EXPECT_NEAR(scores[i], alone[0][i], 1e-9);
    }
  }
}

TEST(ChoiceEval, AnErrorNamesTheQuestion) {
  AloneRank alone;
  ChoiceTask task = some_task();
  task.questions[1].where = "file.jsonl:2";
  task.questions[1].options[0].context = "";
  const auto error = [&]() -> std::string {
    try {
      const FactorSet factors = computed_factor_set(kOriginalRope, tiny_config().rope_geometry(), 64);
      evaluate_choices(scores_of(alone.rank.model, alone.rank.mesh, factors), *make_byte_tokenizer(), task,
                       kOptions);
    } catch (const Error& thrown) {
      return thrown.what();
    }
    return "";
  }();
  EXPECT_NE(error.find("file.jsonl:2: answer 0"), std::string::npos) << error;
}

}  // namespace
}  // namespace ropeway
