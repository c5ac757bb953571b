#include "trainer/model/token_losses.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "parallel/attention/ring_attention.h"
#include "parallel/comm/thread_world.h"
#include "tests/trainer/model/model_case.h"
#include "trainer/model/resident_parameters.h"

namespace ropeway::testing {
namespace {

constexpr int64_t kSequences = 2, kLength = 37;  // no multiple of 2P: ranks hold padding

// Every next token is a label.
ModelCase plain_case() {
  ModelCase c = make_case({.sequences = kSequences, .length = kLength, .weighted = false});
  c.labels = c.tokens.roll({-1}, {1});
  c.labels.select(1, kLength - 1).fill_(-100);
  return c;
}

std::vector<std::vector<int32_t>> sequences_of(const ModelCase& c) {
  std::vector<std::vector<int32_t>> sequences;
  for (int64_t b = 0; b < kSequences; ++b) {
    const auto* tokens = c.tokens.const_data_ptr<int64_t>() + b * kLength;
    sequences.emplace_back(tokens, tokens + kLength);
  }
  return sequences;
}

// By rank.
std::vector<TokenLosses> losses_on(int ranks, const ModelCase& c, const std::vector<int64_t>& score_from) {
  std::vector<TokenLosses> results(static_cast<size_t>(ranks));
  run_thread_world(ranks, [&](Communicator& group) {
    ResidentParameters store(c.config, at::kDouble);
    for (const auto& [name, weight] : weights_of(c)) store.set_weight(name, weight);
    RingAttention ring(group, Placement::kZigzag);
    CausalLM model(c.config, store, ring, {});
    results[static_cast<size_t>(group.rank())] =
        token_losses(model, group, c.factors, sequences_of(c), score_from);
  });
  return results;
}

TEST(TokenLosses, AreTheOraclesOnEveryRank) {
  const ModelCase c = plain_case();
  const PlainResult truth = run_plain(c);
  const at::Tensor best = truth.logits.argmax(-1).view({kSequences, kLength});
  const at::Tensor expected = truth.nll.contiguous();
  const double* nll = expected.const_data_ptr<double>();
  for (const int ranks : {1, 2, 3}) {
    for (const TokenLosses& losses : losses_on(ranks, c, {})) {
      ASSERT_EQ(losses.nll.size(), static_cast<size_t>(kSequences * kLength));
      ASSERT_EQ(losses.correct.size(), losses.nll.size());
      for (int64_t b = 0; b < kSequences; ++b) {
        for (int64_t t = 0; t < kLength; ++t) {
          const int64_t i = b * kLength + t;
          EXPECT_NEAR(losses.nll[i], nll[i], 1e-10) << b << " " << t;
          if (t + 1 == kLength) continue;
          EXPECT_EQ(losses.correct[i] == 1, best[b][t].item<int64_t>() == c.tokens[b][t + 1].item<int64_t>());
        }
        EXPECT_EQ(losses.nll[b * kLength + kLength - 1], 0);
      }
    }
  }
}

TEST(TokenLosses, EarlierPositionsThanAskedForAreZeroAndOthersKeepTheirBits) {
  const ModelCase c = plain_case();
  const TokenLosses whole = losses_on(2, c, {})[0], part = losses_on(2, c, {0, 20})[0];
  for (int64_t t = 0; t < kLength; ++t) {
    EXPECT_EQ(part.nll[t], whole.nll[t]);
    EXPECT_EQ(part.nll[kLength + t], t < 20 ? 0 : whole.nll[kLength + t]) << t;
    EXPECT_EQ(part.correct[kLength + t], t < 20 ? 0 : whole.correct[kLength + t]);
  }
}

}  // namespace
}  // namespace ropeway::testing
