// Greedy text against the oracle's, on any number of ranks; sampling, stopping, conversations that go on.
#include "trainer/generate/generator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "kernels/base/error.h"
#include "tests/support/errors.h"
#include "tests/trainer/generate/generating_rank.h"

namespace ropeway::testing {
namespace {

GeneratorOptions one_set(const ModelCase& c) {
  return {.factors = [set = c.factors](int64_t) { return set; }, .may_cross = false};
}

TEST(Generator, GreedyTokensAreTheOraclesOnAnyNumberOfRanks) {
  for (const bool tied : {false, true}) {
    const ModelCase c = generating_case({.tied = tied, .start_tokens = tied ? 5 : 0});
    const std::vector<int32_t> prompt = first_tokens(c, 7);
    const std::vector<int32_t> expected = greedy_by_oracle(c, prompt, 24, one_set(c).factors);
    EXPECT_GT(std::set<int32_t>(expected.begin(), expected.end()).size(), 3u) << "a text that says nothing";
    for (const int ranks : {1, 2, 3, 4}) {
      for (const Generated& made : generated_on(ranks, c, prompt, one_set(c), {.max_new_tokens = 24})) {
        EXPECT_EQ(made.tokens, expected) << ranks << " ranks";
        EXPECT_FALSE(made.stopped);
      }
    }
  }
}

TEST(Generator, DrawsTheSameTokensOnAnyNumberOfRanks) {
  const ModelCase c = generating_case();
  const std::vector<int32_t> prompt = first_tokens(c, 5);
  const auto drawn = [&](int ranks, uint64_t seed) {
    const GenerateOptions options{.max_new_tokens = 30,
                                  .sampling = {.temperature = 0.8, .top_p = 0.9, .seed = seed}};
    const std::vector<Generated> made = generated_on(ranks, c, prompt, one_set(c), options);
    for (const Generated& one : made) EXPECT_EQ(one.tokens, made.front().tokens);
    return made.front().tokens;
  };
  const std::vector<int32_t> alone = drawn(1, 3);
  EXPECT_EQ(drawn(2, 3), alone);
  EXPECT_EQ(drawn(4, 3), alone);
  EXPECT_NE(drawn(1, 4), alone);
  EXPECT_NE(generated_on(1, c, prompt, one_set(c), {.max_new_tokens = 30}).front().tokens, alone);
}

TEST(Generator, EndsAtAStopTokenAndWhenToldTo) {
  const ModelCase c = generating_case();
  const std::vector<int32_t> prompt = first_tokens(c, 7);
  const std::vector<int32_t> whole =
      generated_on(1, c, prompt, one_set(c), {.max_new_tokens = 20}).front().tokens;
  const int32_t stop = whole[9];
  const auto first = std::find(whole.begin(), whole.end(), stop);
  for (const int ranks : {1, 2}) {
    for (const Generated& made :
         generated_on(ranks, c, prompt, one_set(c), {.max_new_tokens = 20, .stop = {-1, stop}})) {
      EXPECT_TRUE(made.stopped);
      EXPECT_EQ(made.tokens, std::vector<int32_t>(whole.begin(), first));
    }
    std::vector<int32_t> told;
    const GenerateOptions options{.max_new_tokens = 20, .told = [&](int32_t token) {
                                    told.push_back(token);
                                    return told.size() < 6;
                                  }};
    for (const Generated& made : generated_on(ranks, c, prompt, one_set(c), options)) {
      EXPECT_EQ(made.tokens, std::vector<int32_t>(whole.begin(), whole.begin() + 6));
    }
    EXPECT_EQ(told, std::vector<int32_t>(whole.begin(), whole.begin() + 6)) << "told on rank 0 alone";
  }
}

// Turns of a conversation: what is cached stays, what differs is read, and the text is that of a new start.
TEST(Generator, GoesOnFromWhatItHasRead) {
  const ModelCase c = generating_case();
  const GenerateOptions ten{.max_new_tokens = 10};
  const std::vector<int32_t> all = first_tokens(c, 40);
  std::vector<int32_t> longer(all.begin(), all.begin() + 12), forked = longer;
  for (const int ranks : {1, 2}) {
    run_thread_world(ranks, [&](Communicator& group) {
      GeneratingRank rank(c, group, one_set(c));
      const auto fresh = [&](const std::vector<int32_t>& prompt) {
        return GeneratingRank(c, group, one_set(c)).generator.generate(prompt, ten).tokens;
      };
      std::vector<int32_t> prompt(all.begin(), all.begin() + 12);
      std::vector<int32_t> made = rank.generator.generate(prompt, ten).tokens;
      EXPECT_EQ(made, fresh(prompt));
      // The answer and another turn.
      prompt.insert(prompt.end(), made.begin(), made.end());
      prompt.insert(prompt.end(), {3, 1, 4, 1, 5});
      const int64_t read_before = rank.generator.figures().tokens_read;
      made = rank.generator.generate(prompt, ten).tokens;
      EXPECT_EQ(made, fresh(prompt));
      EXPECT_LE(rank.generator.figures().tokens_read - read_before, 6);
      // An answer that is encoded otherwise than it was made; the same prompt again; a shorter one.
      prompt[15] = (prompt[15] + 1) % 199;
      EXPECT_EQ(rank.generator.generate(prompt, ten).tokens, fresh(prompt));
      EXPECT_EQ(rank.generator.generate(prompt, ten).tokens, fresh(prompt));
      prompt.resize(4);
      EXPECT_EQ(rank.generator.generate(prompt, ten).tokens, fresh(prompt));
      EXPECT_EQ(rank.generator.generate(all, ten).tokens, fresh(all));
    });
  }
}

TEST(Generator, ChoosesAmongTheIdsThatTheTokenizerHas) {
  const ModelCase c = generating_case();
  for (const double temperature : {0.0, 3.0}) {
    GenerateOptions options;
    options.max_new_tokens = 40;
    options.sampling.temperature = temperature;
    const auto largest = [&] {
      const auto made = generated_on(1, c, first_tokens(c, 7), one_set(c), options).front().tokens;
      return *std::ranges::max_element(made);
    };
    EXPECT_GE(largest(), 60);
    options.vocabulary = 60;
    EXPECT_LT(largest(), 60);
  }
}

TEST(Generator, IsAFunctionOfIds) {
  const ModelCase c = generating_case();
  run_thread_world(1, [&](Communicator& group) {
    GeneratingRank rank(c, group, one_set(c));
    const auto complete = completion_by(rank.generator, {});
    const std::vector<int32_t> prompt = {5, 6, 7};
    const std::vector<int32_t> made = complete(prompt, 4);
    const Generated expected = rank.generator.generate(prompt, {.max_new_tokens = 4});
    EXPECT_EQ(made, expected.tokens);
    EXPECT_EQ(made.size(), 4u);
  });
}

TEST(Generator, RefusesAnEmptyPromptAndLogitsThatAreNoNumbers) {
  const ModelCase c = generating_case();
  run_thread_world(2, [&](Communicator& group) {
    GeneratingRank rank(c, group, one_set(c));
    expect_error(ErrorKind::kBadData, {"an empty prompt"},
                 [&] { rank.generator.generate(std::vector<int32_t>{}, {}); });
    rank.store.weight("model.norm.weight").fill_(std::numeric_limits<double>::quiet_NaN());
    expect_error(ErrorKind::kNumerics, {"token 2: a logit is not a number"}, [&] {
      rank.generator.generate(std::vector<int32_t>{1, 2}, {});
    });
  });
}

}  // namespace
}  // namespace ropeway::testing
