// RULER's tasks on a tiny model: teacher-forced figures against single passes over each sample, generated
// ones with a generator that knows the answers, and averages over tasks and lengths.
#include "trainer/benchmarks/ruler_eval.h"

#include <gtest/gtest.h>

#include "tests/support/errors.h"
#include "tests/support/tiny_rank.h"
#include "trainer/benchmarks/ruler_summary.h"
#include "trainer/model/token_losses.h"
#include "trainer/rope/schedules.h"
#include "trainer/tokenizer/byte_tokenizer.h"

namespace ropeway {
namespace {

constexpr int64_t kLength = 2500, kSamples = 5;

FactorSet factors() { return computed_factor_set("yarn", tiny_config().rope_geometry(), 2048); }

struct Setting {
  explicit Setting(RulerTask task)
      : maker(task, sources, *tokenizer, chat,
              {.length = kLength, .seed = 1, .prompt = RulerPrompt::kPlain}) {}
  const RulerSources sources;
  const std::unique_ptr<Tokenizer> tokenizer = make_byte_tokenizer();
  const ChatTemplate chat;
  const RulerMaker maker;
};

TEST(RulerEval, ForcedFiguresAreThoseOfEachSampleAlone) {
  const Setting setting(RulerTask::kNiahSingle1);
  AloneRank alone;
  const FactorSet set = factors();
  const RulerResult result = evaluate_ruler({.mesh = alone.rank.mesh,
                                             .tokenizer = *setting.tokenizer,
                                             .score = scores_of(alone.rank.model, alone.rank.mesh, set)},
                                            RulerTask::kNiahSingle1, setting.maker, kLength, kSamples);
  double nll = 0, tokens = 0, right = 0;
  for (int64_t i = 0; i < kSamples; ++i) {
    const RulerCase made = setting.maker.make(i);
    const TokenLosses losses =
        token_losses(alone.rank.model, alone.rank.mesh.group(Axis::kSequence), factors(), {made.with_answer});
    bool all = true;
    for (size_t t = made.prompt.size() - 1; t + 1 < made.with_answer.size(); ++t) {
      nll += losses.nll[t];
      all = all && losses.correct[t] != 0;
    }
    tokens += static_cast<double>(made.answer);
    right += all ? 1 : 0;
  }
  EXPECT_EQ(result.samples, kSamples);
  EXPECT_NEAR(result.answer_nll, nll / tokens, 1e-9);
  EXPECT_DOUBLE_EQ(result.score.share, right / kSamples);
  EXPECT_GT(result.tokens, 0.9 * kLength);
  EXPECT_LE(result.tokens, kLength);
}

// Answers only where the prompt is that of a sample it was told to know.
TEST(RulerEval, GeneratedTextIsScoredOnAnyMesh) {
  for (const MeshShape shape : {MeshShape{1, 1}, MeshShape{2, 1}, MeshShape{1, 2}}) {
    const auto scores = on_mesh<double>(shape, [](TinyRank& rank) {
      const Setting setting(RulerTask::kVariableTracking);
      const auto generate = [&](std::span<const int32_t> prompt,
                                int64_t max_new_tokens) -> std::vector<int32_t> {
        EXPECT_EQ(max_new_tokens, 30);
        for (int64_t i = 0; i < kSamples; ++i) {
          const RulerCase made = setting.maker.make(i);
          if (!std::ranges::equal(prompt, made.prompt)) continue;
          // The first i names of five.
          std::string text = "well, ";
          for (int64_t k = 0; k < i; ++k) text += made.answers[static_cast<size_t>(k)] + " ";
          return {text.begin(), text.end()};
        }
        ADD_FAILURE() << "an unknown prompt";
        return {};
      };
      const FactorSet set = factors();
      return evaluate_ruler({.mesh = rank.mesh,
                             .tokenizer = *setting.tokenizer,
                             .score = scores_of(rank.model, rank.mesh, set),
                             .generate = generate},
                            RulerTask::kVariableTracking, setting.maker, kLength, kSamples)
          .score.share;
    });
    for (const double score : scores) EXPECT_NEAR(score, (0 + 1 + 2 + 3 + 4) / 5.0 / 5, 1e-12);
  }
}

TEST(RulerEval, ListsNeedAGenerator) {
  const Setting setting(RulerTask::kVariableTracking);
  AloneRank alone;
  const FactorSet set = factors();
  expect_error(ErrorKind::kConfig, {"vt", "generating text"}, [&] {
    evaluate_ruler({.mesh = alone.rank.mesh,
                    .tokenizer = *setting.tokenizer,
                    .score = scores_of(alone.rank.model, alone.rank.mesh, set)},
                   RulerTask::kVariableTracking, setting.maker, kLength, kSamples);
  });
}

BenchmarkFigures figure(const std::string& task, const std::string& factors, int64_t length, double score) {
  return {{BenchmarkKind::kRuler, task, factors, length}, {{"score", score}}};
}

TEST(RulerSummary, AveragesWeightsAndEffectiveLength) {
  const auto rows =
      ruler_summary({figure("a", "x", 4096, 1.0), figure("b", "x", 4096, 0.9), figure("a", "x", 8192, 0.9),
                     figure("b", "x", 8192, 0.82), figure("a", "x", 16384, 0.5), figure("b", "x", 16384, 0.7),
                     figure("c", "x", 16384, 1.0)});
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_NEAR(number_of(rows[0].numbers, "score"), 0.95, 1e-12);
  EXPECT_NEAR(number_of(rows[1].numbers, "score"), 0.86, 1e-12);
  EXPECT_NEAR(number_of(rows[2].numbers, "score"), 0.6, 1e-12);  // c is not there at every length
  EXPECT_EQ(rows[3].label.length, 16384);
  EXPECT_NEAR(number_of(rows[3].numbers, "wavg_inc"), (1 * 0.95 + 2 * 0.86 + 3 * 0.6) / 6, 1e-12);
  EXPECT_NEAR(number_of(rows[3].numbers, "wavg_dec"), (3 * 0.95 + 2 * 0.86 + 1 * 0.6) / 6, 1e-12);
  EXPECT_EQ(number_of(rows[3].numbers, "effective_length"), 8192);
  EXPECT_EQ(number_of(rows[3].numbers, "tasks"), 2);
}

TEST(RulerSummary, SetsByLengthAreOneSchedule) {
  const auto rows = ruler_summary({figure("a", "none", 4096, 1.0), figure("a", "long", 8192, 0.9)});
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[2].label.factors, "by length");
  EXPECT_EQ(number_of(rows[2].numbers, "effective_length"), 8192);
  const auto two = ruler_summary({figure("a", "none", 4096, 1.0), figure("a", "pi", 4096, 0.9)});
  EXPECT_EQ(two.size(), 4u);
}

}  // namespace
}  // namespace ropeway
