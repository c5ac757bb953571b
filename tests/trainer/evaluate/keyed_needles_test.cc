// Passes with many needles, read back by patterns written from their description.
#include "trainer/evaluate/keyed_needles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>

#include "tests/support/corpus.h"
#include "tests/support/tiny_rank.h"
#include "trainer/data/marked_documents.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;

// All that matches, in order: (key, number, place in the text).
struct Mention {
  std::string key, number;
  int64_t begin = 0;
};
std::vector<Mention> mentions(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  std::vector<Mention> found;
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it) {
    found.push_back({(*it)[1], (*it)[2], it->position()});
  }
  return found;
}
const std::string kWordSentence = R"( The pass key of ([a-z]+) is (\d{5})\.)";
const std::string kConfusableSentence = R"( Locker ([A-Z]{5}) holds (\d{5})\.)";

class KeyedNeedlesTest : public ::testing::Test {
 protected:
  NeedlePass make(const NeedleOptions& options, uint64_t index = 0) {
    const std::vector<int32_t> haystack(static_cast<size_t>(options.length), 'x');
    return make_needle_pass(*tokenizer_, haystack, options, index);
  }
  std::string text_of(const NeedlePass& pass) { return tokenizer_->decode(pass.tokens); }

  const std::unique_ptr<Tokenizer> tokenizer_ = make_byte_tokenizer();
};

TEST_F(KeyedNeedlesTest, EveryNeedleIsAskedForOnceWithItsNumber) {
  const NeedlePass pass = make({.length = 4096, .needles = 20, .seed = 3});
  ASSERT_EQ(pass.tokens.size(), 4096u);
  const auto found = mentions(text_of(pass), kWordSentence);
  ASSERT_EQ(found.size(), 40u);
  std::map<std::string, std::string> numbers;
  for (size_t i = 0; i < 20; ++i) numbers[found[i].key] = found[i].number;
  EXPECT_EQ(numbers.size(), 20u) << "keys are told apart";
  std::set<std::string> asked;
  ASSERT_EQ(pass.answers.size(), 20u);
  for (size_t i = 0; i < 20; ++i) {
    const Mention& question = found[20 + i];
    EXPECT_EQ(question.number, numbers.at(question.key));
    asked.insert(question.key);
    const NeedlePass::Answer& answer = pass.answers[i];
    EXPECT_EQ(text_of(pass).substr(static_cast<size_t>(answer.begin), 5), question.number);
    EXPECT_EQ(answer.count, 5);
    EXPECT_EQ(found[static_cast<size_t>(answer.needle)].key, question.key);
  }
  EXPECT_EQ(asked.size(), 20u);
}

TEST_F(KeyedNeedlesTest, DepthsAreSpreadEvenlyOverTheText) {
  const NeedlePass pass = make({.length = 8000, .needles = 5, .start = {1}});
  EXPECT_EQ(pass.tokens.front(), 1);
  const std::string text = text_of(pass);
  const auto found = mentions(text, kWordSentence);
  const auto filler = static_cast<double>(std::ranges::count(text, 'x'));
  for (size_t i = 0; i < 5; ++i) {
    const auto before = std::ranges::count(text.substr(0, static_cast<size_t>(found[i].begin)), 'x');
    EXPECT_NEAR(static_cast<double>(before), filler * static_cast<double>(i) / 4, 40) << i;
    EXPECT_EQ(pass.needle_begin[i], found[i].begin);
  }
  EXPECT_EQ(found[0].begin, 1) << "behind the BOS";
}

// What an earlier answer tells of a later one: nothing, if numbers and the order of questions are independent
// of each other and of the depths.
TEST_F(KeyedNeedlesTest, NumbersAndTheOrderOfQuestionsAreDrawnIndependently) {
  std::set<std::string> numbers;
  std::map<int64_t, int> first_asked;
  for (uint64_t i = 0; i < 200; ++i) {
    const NeedlePass pass = make({.length = 800, .needles = 4, .seed = 5}, i);
    for (const Mention& mention : mentions(text_of(pass), kWordSentence)) numbers.insert(mention.number);
    ++first_asked[pass.answers.front().needle];
  }
  EXPECT_GE(numbers.size(), 790u);  // 800 draws of 100,000
  for (const auto& [needle, count] : first_asked) EXPECT_NEAR(count, 50, 30) << needle;
  EXPECT_EQ(first_asked.size(), 4u);
}

TEST_F(KeyedNeedlesTest, ConfusableKeysDifferInOneLetterWithinTheirGroup) {
  const NeedlePass pass = make({.length = 4096, .needles = 20, .seed = 3, .keys = KeyKind::kConfusable});
  const auto found = mentions(text_of(pass), kConfusableSentence);
  ASSERT_EQ(found.size(), 40u);
  for (size_t i = 0; i < 20; ++i) {
    int close = 0;
    for (size_t j = 0; j < 20; ++j) {
      int different = 0;
      for (size_t c = 0; c < 5; ++c) different += found[i].key[c] != found[j].key[c];
      EXPECT_TRUE(i == j || different > 0);
      close += different == 1;
    }
    EXPECT_GE(close, kConfusableGroup - 1) << found[i].key;
  }
}

TEST_F(KeyedNeedlesTest, TooManyForTheLengthIsAnErrorOfTheRecipe) {
  const auto error = error_of([&] { make({.length = 500, .needles = 20}); });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind(), ErrorKind::kConfig);
  EXPECT_THAT(error->what(), HasSubstr("20 needles and their questions take"));
}

// Right for the needles of even depth alone.
TEST_F(KeyedNeedlesTest, ResultsAreCountedByDepth) {
  const Corpus corpus({random_letters(3000, 1)});
  const MarkedDocuments documents(*corpus, {});
  const NeedleOptions options = {.length = 2048, .needles = 8, .passes = 3, .seed = 2};
  const ScoreSequences score = [&](const SequenceSet& sequences, const std::string&, const UseScore& use) {
    for (int64_t i = 0; i < sequences.count; ++i) {
      const SequenceToScore sequence = sequences.of(i);
      const NeedlePass pass =
          make_needle_pass(*tokenizer_, documents.text(0).first(2048), options, static_cast<uint64_t>(i));
      EXPECT_EQ(pass.tokens, sequence.tokens);
      EXPECT_EQ(sequence.score_from, pass.answers.front().begin - 1);
      std::vector<double> nll(2047, 7.0);
      std::vector<uint8_t> correct(2047, 0);
      for (const NeedlePass::Answer& answer : pass.answers) {
        for (int64_t t = 0; t < answer.count; ++t) {
          nll[static_cast<size_t>(answer.begin - 1 + t)] = 0.5;
          correct[static_cast<size_t>(answer.begin - 1 + t)] = answer.needle % 2 == 0 || t > 0;
        }
      }
      use(i, {nll, correct});
    }
  };
  const RetrievalResult result = evaluate_needles(score, documents, *tokenizer_, options);
  EXPECT_EQ(result.trials, 24);
  EXPECT_EQ(result.right, 12);
  EXPECT_EQ(result.accuracy, 0.5);
  EXPECT_EQ(result.answer_nll, 0.5);
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(result.depth_accuracy[i], i % 2 == 0 ? 1 : 0);
  EXPECT_EQ(result.interval, interval_of_share(12, 24));
}

TEST(KeyedNeedlesOnMesh, GiveTheNumbersOfOneRankOnEveryRank) {
  const Corpus corpus({random_letters(1200, 4)});
  const auto tokenizer = make_byte_tokenizer();
  const NeedleOptions options = {.length = 512, .needles = 4, .passes = 5, .seed = 1};
  const auto evaluate = [&](TinyRank& rank) {
    const FactorSet factors = rank.model.identity();
    return evaluate_needles(scores_of(rank.model, rank.mesh, factors), MarkedDocuments(*corpus, {}),
                            *tokenizer, options);
  };
  AloneRank alone;
  const RetrievalResult wanted = evaluate(alone.rank);
  for (const MeshShape shape : {MeshShape{2, 1}, MeshShape{1, 2}, MeshShape{2, 2}}) {
    for (const RetrievalResult& result : on_mesh<RetrievalResult>(shape, evaluate)) {
      EXPECT_EQ(result.right, wanted.right);
      EXPECT_NEAR(result.answer_nll, wanted.answer_nll, 1e-12);
    }
  }
}

}  // namespace
}  // namespace ropeway
