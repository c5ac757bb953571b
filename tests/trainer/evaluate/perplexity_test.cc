#include "trainer/evaluate/perplexity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "parallel/comm/world_of_one.h"
#include "tests/support/corpus.h"
#include "tests/support/tiny_rank.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/formats/hf/save_model_dir.h"
#include "trainer/model/weight_files.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;

PerplexityResult evaluate(TinyRank& rank, const Documents& documents, PerplexityOptions options) {
  options.keep_token_nll = true;
  return evaluate_perplexity(rank.model, rank.mesh, documents, rank.model.identity(), options);
}
PerplexityResult evaluate_alone(const Documents& documents, const PerplexityOptions& options) {
  AloneRank alone;
  return evaluate(alone.rank, documents, options);
}

void expect_near(const std::vector<float>& found, const std::vector<float>& wanted, float tolerance) {
  ASSERT_EQ(found.size(), wanted.size());
  for (size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], wanted[i], tolerance) << i;
}

TEST(Perplexity, EveryTokensLossIsThatOfHuggingFaceTransformers) {
  ROPEWAY_NEEDS_PYTHON();
  const TempDir folder;
  const std::string text = random_letters(200, 1);
  write_bytes(folder / "text", text);
  const auto world = make_world_of_one();
  {
    TinyRank made(*world, {}, at::kFloat);
    save_model_dir(folder / "model", tiny_config(), {}, tensors_to_write(made.store.weights_on_host(true)),
                   {});
  }
  std::istringstream output(run_python(R"(
import sys, torch, transformers
model = transformers.AutoModelForCausalLM.from_pretrained(
    sys.argv[1] + "/model", dtype=torch.float64, attn_implementation="sdpa")

# Its own angles and norms are fp32 in a model of any type.
class DoubleAngles(torch.nn.Module):
    def forward(self, x, position_ids):
        rates = 10000.0 ** (-torch.arange(0, 8, 2, dtype=torch.float64) / 8)
        angles = (position_ids[..., None] * rates).repeat(1, 1, 2)
        return angles.cos(), angles.sin()

def double_norm(self, x):
    return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)

model.model.rotary_emb = DoubleAngles()
type(model.model.norm).forward = double_norm
ids = torch.tensor(list(open(sys.argv[1] + "/text", "rb").read()))
for window in ids[:192].view(4, 48):
    logits = model(window[None]).logits[0, :-1]
    for nll in torch.nn.functional.cross_entropy(logits, window[1:], reduction="none"):
        print(f"{nll.item():.9f}")
)",
                                       folder.path().string()));
  const std::vector<float> expected{std::istream_iterator<float>(output), {}};

  TinyRank rank(*world);
  load_weights(rank.store, open_model_dir(folder / "model"));
  const PerplexityResult result = evaluate(rank, *Corpus({text}), {.length = 48});
  EXPECT_EQ(result.windows, 4);
  EXPECT_EQ(result.predicted_tokens, 4 * 47);
  expect_near(result.token_nll, expected, 1e-6f);
}

TEST(Perplexity, TheSumsAreThoseOfTheTokens) {
  const PerplexityResult result = evaluate_alone(*Corpus({random_letters(300, 2), random_letters(100, 3)}),
                                                 {.length = 64, .tail_tokens = 16});
  EXPECT_EQ(result.windows, 4 + 1);
  ASSERT_EQ(result.token_nll.size(), 5u * 63);
  double total = 0, tail = 0;
  for (size_t i = 0; i < result.token_nll.size(); ++i) {
    total += result.token_nll[i];
    if (i % 63 >= 63 - 16) tail += result.token_nll[i];
  }
  EXPECT_NEAR(result.nll, total / (5 * 63), 1e-6);
  EXPECT_NEAR(result.perplexity, std::exp(total / (5 * 63)), 1e-5 * result.perplexity);
  EXPECT_NEAR(result.bits_per_byte, total / (5 * 63) / 0.6931471805599453, 1e-6);
  EXPECT_NEAR(result.tail_bits_per_byte, tail / (5 * 16) / 0.6931471805599453, 1e-6);
}

TEST(Perplexity, ATailLongerThanTheWindowIsTheWholeWindow) {
  const PerplexityResult result = evaluate_alone(*Corpus({random_letters(100, 2)}), {.length = 32});
  EXPECT_DOUBLE_EQ(result.tail_bits_per_byte, result.bits_per_byte);
}

// Two bytes make one token.
class PairTokenizer : public Tokenizer {
 public:
  std::vector<int32_t> encode(std::string_view text, const EncodeOptions&) const override {
    std::vector<int32_t> ids;
    for (size_t i = 0; i + 1 < text.size(); i += 2) ids.push_back((text[i] * 31 + text[i + 1]) % 251);
    return ids;
  }
  std::string decode(const std::vector<int32_t>&) const override { return {}; }
  int64_t vocab_size() const override { return 256; }
  std::string fingerprint() const override { return "pairs"; }
};

TEST(Perplexity, BitsAreCountedPerByteOfTextNotPerToken) {
  const PerplexityResult result =
      evaluate_alone(*Corpus({random_letters(400, 4)}, PairTokenizer()), {.length = 50});
  EXPECT_EQ(result.windows, 4);
  EXPECT_NEAR(result.bits_per_byte, result.nll / std::log(2.0) / 2, 1e-12);
}

TEST(Perplexity, AWindowsLossesDoNotDependOnTheOthersInItsBatch) {
  const Corpus corpus({random_letters(320, 5)});
  AloneRank alone;
  const PerplexityResult together = evaluate(alone.rank, *corpus, {.length = 32});
  EXPECT_EQ(together.windows, 10);
  const PerplexityResult first = evaluate(alone.rank, *corpus, {.length = 32, .max_windows = 1});
  EXPECT_EQ(first.windows, 1);
  expect_near(first.token_nll, {together.token_nll.begin(), together.token_nll.begin() + 31}, 1e-6f);
}

TEST(Perplexity, WindowsTakeDocumentsInOrderAndSkipShortOnesAndRemainders) {
  const std::string a = random_letters(70, 6), b = random_letters(31, 7), c = random_letters(32, 8);
  const PerplexityResult all = evaluate_alone(*Corpus({a, b, c}), {.length = 32});
  const PerplexityResult parts =
      evaluate_alone(*Corpus({a.substr(0, 32), a.substr(32, 32), c}), {.length = 32});
  EXPECT_EQ(all.windows, 3);
  expect_near(all.token_nll, parts.token_nll, 1e-6f);
  const PerplexityResult two = evaluate_alone(*Corpus({a, b, c}), {.length = 32, .max_windows = 2});
  EXPECT_EQ(two.windows, 2);
}

TEST(Perplexity, AlignedWindowsEndWhereTheLongOnesEnd) {
  const std::string text = random_letters(200, 9);
  const PerplexityResult aligned = evaluate_alone(*Corpus({text}), {.length = 24, .align_to = 64});
  const PerplexityResult cut = evaluate_alone(
      *Corpus({text.substr(40, 24), text.substr(104, 24), text.substr(168, 24)}), {.length = 24});
  EXPECT_EQ(aligned.windows, 3);
  expect_near(aligned.token_nll, cut.token_nll, 1e-6f);
}

// As the authors' evaluation: a window is the BOS and as many tokens of text as are left of its length, so
// that every token of the text is predicted.
TEST(Perplexity, WindowsStartWithWhatTheyAreGivenAndPredictEveryTokenOfTheText) {
  const std::string text = random_letters(100, 6);
  for (const std::vector<int32_t>& start : {std::vector<int32_t>{3}, {7, 3}}) {
    const auto given = static_cast<int64_t>(start.size());
    const PerplexityResult result =
        evaluate_alone(*Corpus({text}), {.length = 32, .tail_tokens = 8, .start = start});
    const int64_t stride = 32 - given;
    ASSERT_EQ(result.windows, 100 / stride);
    EXPECT_EQ(result.predicted_tokens, 3 * stride);
    AloneRank alone;
    double total = 0, tail = 0;
    for (int64_t window = 0; window < 3; ++window) {
      std::vector<int32_t> tokens = start;
      for (const char c : text.substr(static_cast<size_t>(window * stride), static_cast<size_t>(stride))) {
        tokens.push_back(static_cast<unsigned char>(c));
      }
      const LocalBatch batch = make_local_batch({tokens}, {}, alone.rank.ring.split(), at::kDouble);
      const at::Tensor nll = alone.rank.model.evaluate(batch, alone.rank.model.identity()).nll[0];
      total += nll.narrow(0, given - 1, stride).sum().item<double>();
      tail += nll.narrow(0, 31 - 8, 8).sum().item<double>();
    }
    EXPECT_NEAR(result.nll, total / static_cast<double>(3 * stride), 1e-12);
    EXPECT_NEAR(result.bits_per_byte, result.nll / std::log(2.0), 1e-12);
    EXPECT_NEAR(result.tail_bits_per_byte, tail / 24 / std::log(2.0), 1e-12);
  }
}

TEST(Perplexity, AStartThatFillsTheWindowIsAnErrorOfTheRecipe) {
  const auto error = error_of([] {
    evaluate_alone(*Corpus({random_letters(100, 13)}), {.length = 2, .start = {1, 2}});
  });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind(), ErrorKind::kConfig);
}

TEST(Perplexity, ManyBatchesGiveWindowsInOrder) {
  const std::string text = random_letters(20 * 1024, 10);
  const Corpus corpus({text});
  const auto results = on_mesh<PerplexityResult>(
      {.data = 2, .sequence = 1}, [&](TinyRank& rank) { return evaluate(rank, *corpus, {.length = 1024}); });
  AloneRank alone;
  for (const size_t window : {0u, 7u, 8u, 15u, 16u, 19u}) {
    const PerplexityResult one =
        evaluate(alone.rank, *Corpus({text.substr(window * 1024, 1024)}), {.length = 1024});
    const auto begin = results[0].token_nll.begin() + static_cast<int64_t>(window) * 1023;
    expect_near({begin, begin + 1023}, one.token_nll, 1e-6f);
  }
}

class PerplexityOnMesh : public ::testing::TestWithParam<MeshShape> {};

TEST_P(PerplexityOnMesh, GivesTheNumbersOfOneRankOnEveryRank) {
  const Corpus corpus({random_letters(300, 11), random_letters(200, 12)});
  const PerplexityOptions options = {.length = 48, .tail_tokens = 8};
  const PerplexityResult wanted = evaluate_alone(*corpus, options);
  const auto results =
      on_mesh<PerplexityResult>(GetParam(), [&](TinyRank& rank) { return evaluate(rank, *corpus, options); });
  for (const PerplexityResult& result : results) {
    EXPECT_NEAR(result.nll, wanted.nll, 1e-12 * wanted.nll);
    EXPECT_NEAR(result.tail_bits_per_byte, wanted.tail_bits_per_byte, 1e-12 * wanted.tail_bits_per_byte);
    expect_near(result.token_nll, wanted.token_nll, 1e-6f);
    EXPECT_EQ(result.nll, results[0].nll);
    EXPECT_EQ(result.token_nll, results[0].token_nll);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, PerplexityOnMesh,
                         ::testing::Values(MeshShape{2, 1}, MeshShape{1, 2}, MeshShape{3, 1}, MeshShape{2, 2},
                                           MeshShape{1, 4}),
                         [](const auto& param) {
                           return fmt::format("data{}sequence{}", param.param.data, param.param.sequence);
                         });

TEST(Perplexity, TooShortATextIsBadDataWithSizes) {
  const Corpus corpus({random_letters(100, 13)});
  for (const PerplexityOptions& options :
       {PerplexityOptions{.length = 101}, PerplexityOptions{.length = 50, .align_to = 101}}) {
    const auto error = error_of([&] { evaluate_alone(*corpus, options); });
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->kind(), ErrorKind::kBadData);
    EXPECT_THAT(error->what(), HasSubstr("101 tokens"));
    EXPECT_THAT(error->what(), HasSubstr(": 100"));
  }
}

TEST(Perplexity, ALengthWithoutAPredictionOrBeyondItsAlignmentIsAnErrorOfTheRecipe) {
  const Corpus corpus({random_letters(100, 13)});
  for (const PerplexityOptions& options :
       {PerplexityOptions{.length = 1}, PerplexityOptions{.length = 64, .align_to = 32}}) {
    const auto error = error_of([&] { evaluate_alone(*corpus, options); });
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->kind(), ErrorKind::kConfig);
  }
}

TEST(Perplexity, ALossThatIsNoNumberIsReportedOnEveryRankWithThePlaceAndTheFactors) {
  const Corpus corpus({random_letters(64, 13)});
  const auto messages = on_mesh<std::string>({.data = 1, .sequence = 2}, [&](TinyRank& rank) -> std::string {
    rank.store.weight("model.norm.weight").fill_(std::numeric_limits<double>::quiet_NaN());
    const auto error = error_of([&] { evaluate(rank, *corpus, {.length = 64}); });
    return error && error->kind() == ErrorKind::kNumerics ? error->what() : "";
  });
  for (const std::string& message : messages) {
    EXPECT_THAT(message, HasSubstr("window 0 at position 0"));
    EXPECT_THAT(message, HasSubstr("'none'"));
  }
}

// Against the definition: the mean difference of the windows' sums, by hand from the tokens' losses.
TEST(Perplexity, APairedDifferenceIsThatOfTheSameTargets) {
  const Corpus corpus({random_letters(1300, 14)});
  AloneRank alone;
  const PerplexityOptions options = {.length = 64};
  const PerplexityResult one = evaluate(alone.rank, *corpus, options);
  alone.rank.store.weight("model.norm.weight").mul_(1.1);
  const PerplexityResult other = evaluate(alone.rank, *corpus, options);
  const auto difference = paired_difference(other, one);
  ASSERT_TRUE(difference.has_value());
  double sum = 0;
  std::vector<double> means;
  for (size_t w = 0; w < 20; ++w) {
    double of_window = 0;
    for (size_t t = 0; t < 63; ++t) of_window += other.token_nll[63 * w + t] - one.token_nll[63 * w + t];
    sum += of_window;
    means.push_back(of_window / 63);
  }
  EXPECT_NEAR(difference->nll, sum / (20 * 63), 1e-6);
  EXPECT_NEAR(difference->bits_per_byte, sum / (20 * 63) / std::log(2.0), 1e-6);
  double squares = 0;
  for (const double mean : means) squares += (mean - sum / (20 * 63)) * (mean - sum / (20 * 63));
  const double reach = 2.0930 * std::sqrt(squares / 19 / 20);  // t of 19 degrees of freedom
  ASSERT_TRUE(difference->nll_interval.has_value());
  EXPECT_NEAR(difference->nll_interval->high - difference->nll, reach, 1e-4 * reach + 1e-6);
  // Pairing takes out what is hard about a window: the difference is surer than either loss.
  EXPECT_LT(reach, one.nll_interval->high - one.nll);
  EXPECT_FALSE(paired_difference(one, evaluate(alone.rank, *corpus, {.length = 128})).has_value());
}

TEST(Perplexity, FewWindowsHaveTheirTargetsForBlocks) {
  const Corpus corpus({random_letters(400, 15)});
  const PerplexityResult three = evaluate_alone(*corpus, {.length = 128});
  EXPECT_EQ(three.windows, 3);
  EXPECT_EQ(three.runs.size(), 3u * 6);  // 16 blocks at least, of 16 targets at least
  ASSERT_TRUE(three.nll_interval.has_value());
  EXPECT_LT(three.nll_interval->low, three.nll);
  EXPECT_GT(three.nll_interval->high, three.nll);
  double nll = 0;
  int64_t targets = 0;
  for (const TargetRun& run : three.runs) {
    nll += run.nll;
    targets += run.targets;
  }
  EXPECT_NEAR(nll / static_cast<double>(targets), three.nll, 1e-12);
  EXPECT_EQ(targets, three.predicted_tokens);
  EXPECT_FALSE(evaluate_alone(*corpus, {.length = 16, .max_windows = 1}).nll_interval.has_value());
}

// Three bytes for a capital letter and its dot, one for everything else.
class UnevenTokenizer : public Tokenizer {
 public:
  std::vector<int32_t> encode(std::string_view text, const EncodeOptions&) const override {
    return {text.begin(), text.end()};
  }
  std::string decode(const std::vector<int32_t>& ids) const override {
    std::string text;
    for (const int32_t id : ids)
      text += id == 'e' ? std::string("eee") : std::string(1, static_cast<char>(id));
    return text;
  }
  int64_t vocab_size() const override { return 256; }
  std::string fingerprint() const override { return "uneven"; }
};

TEST(Perplexity, BitsAreCountedPerByteThatTheScoredTokensSpell) {
  const std::string text = std::string(40, 'e') + random_letters(40, 4) + std::string(40, 't');
  const UnevenTokenizer tokenizer;
  const Corpus corpus({text}, tokenizer);
  const PerplexityResult result =
      evaluate_alone(*corpus, {.length = 40, .tail_tokens = 8, .tokenizer = &tokenizer});
  ASSERT_EQ(result.windows, 3);
  double bytes = 0, tail_bytes = 0, tail = 0;
  for (size_t w = 0; w < 3; ++w) {
    for (size_t t = 1; t < 40; ++t) {
      const double of_token = text[40 * w + t] == 'e' ? 3 : 1;
      bytes += of_token;
      if (t < 32) continue;
      tail_bytes += of_token;
      tail += result.token_nll[39 * w + t - 1];
    }
  }
  EXPECT_NEAR(result.bits_per_byte, result.nll * 3 * 39 / std::log(2.0) / bytes, 1e-12);
  EXPECT_NEAR(result.tail_bits_per_byte, tail / std::log(2.0) / tail_bytes, 1e-6);
}

// The last 15 tokens of each of three stretches of 64, with the context that the length leaves them.
TEST(Perplexity, AlignedLengthsScoreTheSameTargets) {
  const std::string text = random_letters(192, 9);
  AloneRank alone;
  for (const int64_t length : {16, 64}) {
    const PerplexityResult result =
        evaluate(alone.rank, *Corpus({text}), {.length = length, .align_to = 64, .targets = 15});
    EXPECT_EQ(result.predicted_tokens, 45);
    double total = 0;
    for (size_t end = 64; end <= 192; end += 64) {
      std::vector<int32_t> tokens;
      for (const char c : text.substr(end - static_cast<size_t>(length), static_cast<size_t>(length))) {
        tokens.push_back(static_cast<unsigned char>(c));
      }
      const LocalBatch batch = make_local_batch({tokens}, {}, alone.rank.ring.split(), at::kDouble);
      const at::Tensor nll = alone.rank.model.evaluate(batch, alone.rank.model.identity()).nll[0];
      total += nll.narrow(0, length - 16, 15).sum().item<double>();
    }
    EXPECT_NEAR(result.nll, total / 45, 1e-12) << length;
  }
}

TEST(Perplexity, SlidingWindowsGiveEveryTokenTheContextOfItsWindow) {
  const std::string text = random_letters(80, 9);
  AloneRank alone;
  const PerplexityResult result = evaluate(alone.rank, *Corpus({text}), {.length = 32, .stride = 16});
  double total = 0;
  for (size_t begin = 0; begin <= 48; begin += 16) {
    std::vector<int32_t> tokens;
    for (const char c : text.substr(begin, 32)) tokens.push_back(static_cast<unsigned char>(c));
    const LocalBatch batch = make_local_batch({tokens}, {}, alone.rank.ring.split(), at::kDouble);
    const at::Tensor nll = alone.rank.model.evaluate(batch, alone.rank.model.identity()).nll[0];
    total += (begin == 0 ? nll.narrow(0, 0, 31) : nll.narrow(0, 15, 16)).sum().item<double>();
  }
  EXPECT_EQ(result.predicted_tokens, 79);
  EXPECT_NEAR(result.nll, total / 79, 1e-12);
}

}  // namespace
}  // namespace ropeway
