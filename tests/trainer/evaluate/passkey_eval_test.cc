// The model here predicts one token always, and the tokenizer maps the digits 0..7 to it: which samples are
// right, and every loss, is then known without a model.
#include "trainer/evaluate/passkey_eval.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "tests/support/corpus.h"
#include "tests/support/tiny_rank.h"
#include "trainer/tokenizer/byte_tokenizer.h"

namespace ropeway {
namespace {

constexpr int32_t kPredicted = 7, kOtherDigit = 8, kText = 1;
constexpr double kLogit = 2;

// Keeps the keys of the needles it was asked to encode, in order. A byte is a token: written out, ids are so
// many bytes of the text that was encoded last.
class DigitClassTokenizer : public Tokenizer {
 public:
  std::vector<int32_t> encode(std::string_view text, const EncodeOptions&) const override {
    const auto is_digit = [](unsigned char c) { return std::isdigit(c) != 0; };
    last_ = text;
    const size_t needle = text.find(". Remember it.");
    if (needle != std::string_view::npos) keys_.emplace_back(text.substr(needle - 5, 5));
    std::vector<int32_t> ids;
    for (const char c : text)
      ids.push_back(!is_digit(static_cast<unsigned char>(c)) ? kText : c < '8' ? kPredicted : kOtherDigit);
    return ids;
  }
  std::string decode(const std::vector<int32_t>& ids) const override { return last_.substr(0, ids.size()); }
  int64_t vocab_size() const override { return 256; }
  std::string fingerprint() const override { return "digit classes"; }
  const std::vector<std::string>& keys() const { return keys_; }

 private:
  mutable std::vector<std::string> keys_;
  mutable std::string last_;
};

bool predicted(const std::string& key) { return key.find_first_of("89") == std::string::npos; }

// Logits are kLogit for kPredicted and 0 for the others, at every position.
void make_constant(TinyRank& rank) {
  rank.store.flat_weights().zero_();
  rank.store.weight("model.embed_tokens.weight").fill_(1);
  rank.store.weight("model.norm.weight").fill_(std::sqrt(1 + tiny_config().rms_norm_eps));
  rank.store.weight("lm_head.weight")[kPredicted].fill_(kLogit /
                                                        static_cast<double>(tiny_config().hidden_size));
}

struct Outcome {
  RetrievalResult result;
  std::vector<std::string> keys;
};
Outcome evaluate(TinyRank& rank, const Documents& documents, const PasskeyEvalOptions& options) {
  make_constant(rank);
  const DigitClassTokenizer tokenizer;
  Outcome outcome;
  outcome.result =
      evaluate_passkey(rank.model, rank.mesh, documents, tokenizer, rank.model.identity(), options);
  outcome.keys = tokenizer.keys();
  return outcome;
}

class PasskeyEvalTest : public ::testing::Test {
 protected:
  const Corpus corpus_{{random_letters(1000, 1)}, DigitClassTokenizer()};
};

TEST_F(PasskeyEvalTest, AccuracyAndLossFollowFromTheKeys) {
  AloneRank alone;
  const Outcome outcome =
      evaluate(alone.rank, *corpus_, {.length = 160, .depths = 10, .samples_per_depth = 5, .seed = 3});
  ASSERT_EQ(outcome.result.trials, 50);
  ASSERT_EQ(outcome.keys.size() % 50, 0u);  // each sample is made equally often
  const double right =
      static_cast<double>(std::count_if(outcome.keys.begin(), outcome.keys.end(), predicted));
  EXPECT_GT(right, 0);
  EXPECT_DOUBLE_EQ(outcome.result.accuracy, right / static_cast<double>(outcome.keys.size()));

  double digits_predicted = 0;
  for (const std::string& key : outcome.keys) {
    digits_predicted +=
        static_cast<double>(std::count_if(key.begin(), key.end(), [](char c) { return c < '8'; }));
  }
  const double share = digits_predicted / (5 * static_cast<double>(outcome.keys.size()));
  EXPECT_NEAR(outcome.result.answer_nll, std::log(std::exp(kLogit) + 255) - share * kLogit, 1e-12);
}

TEST_F(PasskeyEvalTest, EveryDepthIsScoredByItself) {
  AloneRank alone;
  const Outcome outcome =
      evaluate(alone.rank, *corpus_, {.length = 160, .depths = 20, .samples_per_depth = 1, .seed = 3});
  ASSERT_EQ(outcome.result.depths.size(), 20u);
  ASSERT_EQ(outcome.result.depth_accuracy.size(), 20u);
  EXPECT_EQ(outcome.result.depths.front(), 0);
  EXPECT_EQ(outcome.result.depths.back(), 1);
  EXPECT_DOUBLE_EQ(outcome.result.depths[5], 5.0 / 19);
  for (size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(outcome.result.depth_accuracy[i], predicted(outcome.keys[i]) ? 1 : 0) << outcome.keys[i];
  }
}

TEST_F(PasskeyEvalTest, SeedsGiveOtherKeys) {
  AloneRank alone;
  const auto keys = [&](uint64_t seed) {
    return evaluate(alone.rank, *corpus_, {.length = 160, .seed = seed}).keys;
  };
  EXPECT_EQ(keys(1), keys(1));
  EXPECT_NE(keys(1), keys(2));
}

TEST_F(PasskeyEvalTest, MoreSamplesThanStretchesOfTextUseThemAgain) {
  AloneRank alone;
  EXPECT_EQ(
      evaluate(alone.rank, *corpus_, {.length = 900, .depths = 3, .samples_per_depth = 1}).result.trials, 3);
}

class PasskeyOnMesh : public ::testing::TestWithParam<MeshShape> {};

TEST_P(PasskeyOnMesh, GivesTheNumbersOfOneRankOnEveryRank) {
  const Corpus corpus({random_letters(700, 1)}, DigitClassTokenizer());
  const PasskeyEvalOptions options = {.length = 160, .depths = 5, .samples_per_depth = 7, .seed = 4};
  AloneRank alone;
  const RetrievalResult wanted = evaluate(alone.rank, *corpus, options).result;
  EXPECT_GT(wanted.accuracy, 0);
  EXPECT_LT(wanted.accuracy, 1);
  const auto results = on_mesh<RetrievalResult>(
      GetParam(), [&](TinyRank& rank) { return evaluate(rank, *corpus, options).result; });
  for (const RetrievalResult& result : results) {
    EXPECT_EQ(result.accuracy, wanted.accuracy);
    EXPECT_EQ(result.depth_accuracy, wanted.depth_accuracy);
    EXPECT_NEAR(result.answer_nll, wanted.answer_nll, 1e-12);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, PasskeyOnMesh,
                         ::testing::Values(MeshShape{2, 1}, MeshShape{1, 2}, MeshShape{2, 2},
                                           MeshShape{1, 4}),
                         [](const auto& param) {
                           return fmt::format("data{}sequence{}", param.param.data, param.param.sequence);
                         });

// A model that does read its input, against the engine's own scores of the one sample (answer in tokens
// 154..158).
TEST(PasskeyEval, TheLossIsThatOfTheAnswerTokens) {
  AloneRank alone;
  const auto tokenizer = make_byte_tokenizer();
  const Corpus corpus({random_letters(160, 5)});
  const RetrievalResult result =
      evaluate_passkey(alone.rank.model, alone.rank.mesh, *corpus, *tokenizer, alone.rank.model.identity(),
                       {.length = 160, .depths = 1, .samples_per_depth = 1, .seed = 8});
  const uint64_t key_seed = Philox(8, Stream::kEvaluation).next_u64();
  const PasskeySample sample = make_passkey_sample(
      *tokenizer, (*corpus).tokens(0), {.length = 160, .depth = 0.5, .seed = key_seed, .index = 0});
  const LocalBatch batch = make_local_batch({sample.tokens}, {}, alone.rank.ring.split(), at::kDouble);
  const auto scores = alone.rank.model.evaluate(batch, alone.rank.model.identity());
  double nll = 0;
  for (int64_t t = 153; t < 158; ++t) nll += scores.nll[0][t].item<double>();
  EXPECT_NEAR(result.answer_nll, nll / 5, 1e-12);
}

TEST_F(PasskeyEvalTest, TooShortATextOrLengthIsRefused) {
  AloneRank alone;
  const auto long_error = error_of([&] { evaluate(alone.rank, *corpus_, {.length = 1001}); });
  ASSERT_TRUE(long_error.has_value());
  EXPECT_EQ(long_error->kind(), ErrorKind::kBadData);
  const auto short_error = error_of([&] { evaluate(alone.rank, *corpus_, {.length = 64}); });
  ASSERT_TRUE(short_error.has_value());
  EXPECT_EQ(short_error->kind(), ErrorKind::kConfig);
  const auto none_error = error_of([&] { evaluate(alone.rank, *corpus_, {.length = 160, .depths = 0}); });
  ASSERT_TRUE(none_error.has_value());
  EXPECT_EQ(none_error->kind(), ErrorKind::kConfig);
}

}  // namespace
}  // namespace ropeway
