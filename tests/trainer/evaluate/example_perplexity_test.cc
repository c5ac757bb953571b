// The loss of examples against that of each alone, token by token.
#include "trainer/evaluate/example_perplexity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/corpus.h"
#include "tests/support/tiny_rank.h"
#include "trainer/model/token_losses.h"

namespace ropeway {
namespace {

struct Sample {
  std::string prompt, completion;
};

class Examples {
 public:
  explicit Examples(const std::vector<Sample>& samples) {
    std::string lines;
    for (const auto& [prompt, completion] : samples) {
      lines += fmt::format("{{\"prompt\": \"{}\", \"completion\": \"{}\"}}\n", prompt, completion);
    }
    write_bytes(folder_ / "a.jsonl", lines);
    documents_.emplace(load_documents(*make_world_of_one(), {(folder_ / "a.jsonl").string()},
                                      *make_byte_tokenizer(), folder_ / "cache"));
  }
  const Documents& operator*() const { return *documents_; }

 private:
  TempDir folder_;
  std::optional<Documents> documents_;
};

// Of the completion and what follows it, in a sequence of its own that ends with it.
std::vector<double> losses_alone(const Sample& sample, const DocumentMarks& marks) {
  AloneRank alone;
  std::vector<int32_t> tokens = marks.before;
  for (const char c : sample.prompt + sample.completion) tokens.push_back(c);
  tokens.insert(tokens.end(), marks.after.begin(), marks.after.end());
  TinyRank& rank = alone.rank;
  std::vector<double> nll =
      token_losses(rank.model, rank.mesh.group(Axis::kSequence), rank.model.identity(), {tokens}).nll;
  nll.pop_back();
  return {nll.begin() + static_cast<int64_t>(marks.before.size() + sample.prompt.size()) - 1, nll.end()};
}

std::vector<Sample> samples() {
  std::vector<Sample> samples;
  for (size_t i = 0; i < 7; ++i) {
    samples.push_back({random_letters(5 + 29 * i, i), random_letters(1 + 3 * i, 100 + i)});
  }
  return samples;  // of 6 to 198 tokens
}

const DocumentMarks kMarks{{1}, {2, 3}};

TEST(ExamplePerplexity, IsTheMeanOverScoredTokensOfEachExampleAlone) {
  const Examples examples(samples());
  double total = 0, tail_total = 0;
  int64_t count = 0, tail_count = 0;
  for (const Sample& sample : samples()) {
    const std::vector<double> losses = losses_alone(sample, kMarks);
    EXPECT_EQ(losses.size(), sample.completion.size() + 2);
    for (size_t i = 0; i < losses.size(); ++i) {
      total += losses[i];
      ++count;
      if (i + 4 < losses.size()) continue;
      tail_total += losses[i];
      ++tail_count;
    }
  }
  for (const MeshShape shape : {MeshShape{1, 1}, MeshShape{1, 2}, MeshShape{2, 1}, MeshShape{2, 2}}) {
    const auto results = on_mesh<PerplexityResult>(shape, [&](TinyRank& rank) {
      return evaluate_examples(scores_of(rank.model, rank.mesh, rank.model.identity()), *examples,
                               {.length = 256, .tail_tokens = 4, .marks = kMarks});
    });
    for (const PerplexityResult& found : results) {
      EXPECT_EQ(found.windows, 7);
      EXPECT_EQ(found.predicted_tokens, count);
      EXPECT_NEAR(found.nll, total / static_cast<double>(count), 1e-12);
      EXPECT_NEAR(found.perplexity, std::exp(found.nll), 1e-9);
      EXPECT_GT(found.bits_per_byte, 0);
      EXPECT_NEAR(found.tail_bits_per_byte, tail_total / static_cast<double>(tail_count) / std::log(2.0),
                  1e-12);
    }
  }
}

TEST(ExamplePerplexity, LeavesOutWhatIsLongerAndStopsWhereItIsTold) {
  const Examples examples(samples());
  const std::vector<double> first = losses_alone(samples()[0], {}), second = losses_alone(samples()[1], {});
  AloneRank alone;
  TinyRank& rank = alone.rank;
  const auto found = [&](ExampleOptions options) {
    options.keep_token_nll = true;
    return evaluate_examples(scores_of(rank.model, rank.mesh, rank.model.identity()), *examples, options);
  };
  const PerplexityResult short_ones = found({.length = 40});
  EXPECT_EQ(short_ones.windows, 2);
  ASSERT_EQ(short_ones.token_nll.size(), 2u * 39);
  for (size_t t = 0; t < 39; ++t)
    EXPECT_FLOAT_EQ(short_ones.token_nll[t], t == 4 ? static_cast<float>(first[0]) : 0);
  for (size_t t = 0; t < 39; ++t) {
    const bool is_scored = t >= 33 && t < 37;
    EXPECT_FLOAT_EQ(short_ones.token_nll[39 + t], is_scored ? static_cast<float>(second[t - 33]) : 0) << t;
  }
  EXPECT_EQ(found({.length = 256, .max_examples = 2}).nll, short_ones.nll);
  expect_error(ErrorKind::kBadData,
               {"loss of examples at length 5", "none of the 7 examples fits into 5 tokens"},
               [&] { found({.length = 5}); });
  const Corpus texts({random_letters(100, 1)});
  expect_error(ErrorKind::kBadData, {"/000: plain text", "no examples"}, [&] {
    evaluate_examples(scores_of(rank.model, rank.mesh, rank.model.identity()), *texts, {.length = 64});
  });
}

}  // namespace
}  // namespace ropeway
