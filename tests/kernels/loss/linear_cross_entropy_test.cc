#include <ATen/ops/arange.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "kernels/base/error.h"
#include "kernels/loss/cross_entropy.h"
#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/loss_ops.h"
#include "tests/kernels/tensors.h"

namespace ropeway {
namespace {

using namespace testing;

constexpr int64_t kTokens = 23, kChannels = 12, kVocab = 41;
constexpr double kScale = 0.37;

struct Problem {
  at::Tensor hidden, head, labels, weights;
};

// Every third label is not scored; tokens 8 .. 15 (a whole tile of 4 or 8) neither.
Problem problem(at::ScalarType type) {
  Problem p{random_tensor({kTokens, kChannels}, type, 1), random_tensor({kVocab, kChannels}, type, 2),
            at::empty({kTokens}, at::kLong), random_tensor({kTokens}, ops::accumulation_type(type), 3).abs()};
  Philox random(4, Stream::kInit);
  for (int64_t t = 0; t < kTokens; ++t) {
    const bool scored = t % 3 != 2 && (t < 8 || t >= 16);
    p.labels.data_ptr<int64_t>()[t] = scored ? static_cast<int64_t>(random.below(kVocab)) : kIgnoredLabel;
  }
  return p;
}

// nll by its definition in F64, 0 where not scored.
at::Tensor naive_nll(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& labels) {
  const at::Tensor log_p = at::matmul(hidden, head.t()).log_softmax(1);
  const at::Tensor scored = labels.ne(kIgnoredLabel);
  const at::Tensor picked = log_p.gather(1, labels.clamp_min(0).unsqueeze(1)).squeeze(1);
  return -picked * scored.to(at::kDouble);
}

struct Gradients {
  at::Tensor hidden, head;
};
Gradients autograd(const Problem& p) {
  const at::Tensor hidden = p.hidden.to(at::kDouble, false, true).requires_grad_();
  const at::Tensor head = p.head.to(at::kDouble, false, true).requires_grad_();
  (naive_nll(hidden, head, p.labels) * p.weights.to(at::kDouble) * kScale).sum().backward();
  return {hidden.grad(), head.grad()};
}

Gradients backward(const Problem& p, int64_t tile_tokens) {
  Gradients g{at::empty(p.hidden.sizes(), p.hidden.options()),
              at::zeros(p.head.sizes(), p.weights.options())};
  ops::linear_cross_entropy_backward(
      {p.hidden, p.head, p.labels, p.weights, kScale, tile_tokens, g.hidden, g.head});
  return g;
}

// Tiles that divide the tokens, that do not, of one token, and larger than all tokens.
class LinearCrossEntropyTiles : public ::testing::TestWithParam<int64_t> {};
INSTANTIATE_TEST_SUITE_P(Tiles, LinearCrossEntropyTiles, ::testing::Values(1, 4, 8, 23, 64));

TEST_P(LinearCrossEntropyTiles, ForwardInF64AndF32) {
  for (const auto& [type, tolerance] : {std::pair{at::kDouble, 1e-14}, std::pair{at::kFloat, 2e-6}}) {
    const Problem p = problem(type);
    const auto output = ops::linear_cross_entropy(p.hidden, p.head, p.labels, GetParam());
    EXPECT_LE(
        max_difference(output.nll, naive_nll(p.hidden.to(at::kDouble), p.head.to(at::kDouble), p.labels)),
        tolerance);
  }
}

TEST_P(LinearCrossEntropyTiles, BackwardEqualsAutogradInF64AndF32) {
  for (const auto& [type, tolerance] : {std::pair{at::kDouble, 1e-14}, std::pair{at::kFloat, 1e-6}}) {
    const Problem p = problem(type);
    const Gradients ours = backward(p, GetParam()), wanted = autograd(p);
    EXPECT_LE(relative_error(ours.hidden, wanted.hidden), tolerance);
    EXPECT_LE(relative_error(ours.head, wanted.head), tolerance);
  }
}

TEST(LinearCrossEntropy, BackwardEqualsCentralDifferences) {
  const Problem p = problem(at::kDouble);
  const Gradients ours = backward(p, 8);
  const auto loss = [&] {
    return (naive_nll(p.hidden, p.head, p.labels) * p.weights * kScale).sum().item<double>();
  };
  EXPECT_LE(relative_error(ours.hidden, central_differences(p.hidden, 1e-5, loss)), 1e-8);
  EXPECT_LE(relative_error(ours.head, central_differences(p.head, 1e-5, loss)), 1e-8);
}

TEST(LinearCrossEntropy, BackwardAlsoReturnsTheForwardResult) {
  const Problem p = problem(at::kDouble);
  const at::Tensor d_hidden = at::empty_like(p.hidden);
  const auto forward = ops::linear_cross_entropy(p.hidden, p.head, p.labels, 8);
  const auto both =
      ops::linear_cross_entropy_backward({p.hidden, p.head, p.labels, p.weights, kScale, 8, d_hidden, {}});
  EXPECT_TRUE(forward.nll.equal(both.nll));
  EXPECT_TRUE(forward.correct.equal(both.correct));
}

TEST(LinearCrossEntropy, UndefinedWeightsMeanOne) {
  const Problem p = problem(at::kDouble);
  const at::Tensor ones = at::ones({kTokens}, at::kDouble), plain = at::empty_like(p.hidden),
                   weighted = plain.clone();
  ops::linear_cross_entropy_backward({p.hidden, p.head, p.labels, {}, kScale, 8, plain, {}});
  ops::linear_cross_entropy_backward({p.hidden, p.head, p.labels, ones, kScale, 8, weighted, {}});
  EXPECT_TRUE(plain.equal(weighted));
}

TEST(LinearCrossEntropy, HeadGradientIsAddedToWhatIsThere) {
  const Problem p = problem(at::kDouble);
  const at::Tensor start = random_tensor({kVocab, kChannels}, at::kDouble, 9), grad_head = start.clone();
  ops::linear_cross_entropy_backward(
      {p.hidden, p.head, p.labels, p.weights, kScale, 8, at::empty_like(p.hidden), grad_head});
  EXPECT_LE(max_difference(grad_head, start + autograd(p).head), 1e-14);
}

// The loss is computed from the bfloat16 inputs in float and the gradient of the head summed in float; only
// d_hidden is rounded to bfloat16, once.
TEST(LinearCrossEntropy, BF16InputsAreComputedInF32) {
  const Problem p = problem(at::kBFloat16);
  const auto output = ops::linear_cross_entropy(p.hidden, p.head, p.labels, 8);
  EXPECT_LE(max_difference(output.nll, naive_nll(p.hidden.to(at::kDouble), p.head.to(at::kDouble), p.labels)),
            5e-6);
  const Gradients ours = backward(p, 8), wanted = autograd(p);
  EXPECT_LE(relative_error(ours.head, wanted.head), 1e-6);
  testing::expect_rounded_once(ours.hidden, wanted.hidden, wanted.hidden.abs().max() * 1e-6);
}

// More vocabulary than is widened at a time.
TEST(LinearCrossEntropy, BF16WithALargeVocabulary) {
  const int64_t vocab = 9001;
  Problem p{random_tensor({5, 8}, at::kBFloat16, 1), random_tensor({vocab, 8}, at::kBFloat16, 2),
            at::tensor({int64_t{0}, int64_t{4095}, int64_t{4096}, int64_t{9000}, int64_t{8192}}, at::kLong),
            at::ones({5}, at::kFloat)};
  const auto output = ops::linear_cross_entropy(p.hidden, p.head, p.labels, 8);
  EXPECT_LE(max_difference(output.nll, naive_nll(p.hidden.to(at::kDouble), p.head.to(at::kDouble), p.labels)),
            1e-5);
  const Gradients ours = backward(p, 8), wanted = autograd(p);
  EXPECT_LE(relative_error(ours.head, wanted.head), 1e-6);
  EXPECT_LE(relative_error(ours.hidden, wanted.hidden), testing::kBF16Roundoff);
}

// Logits spread as widely as a trained model's, where a few terms of the denominator dwarf the rest: one long
// chain of float additions loses 1e-5 of it or more. What is left is the rounding of nll itself (near 25:
// 1e-6) and of the partial sums.
TEST(CrossEntropyRows, DenominatorOfAVocabularyOf128KIsAccurate) {
  constexpr int64_t kLarge = 131072;
  double worst_nll = 0, worst_gradient = 0;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const at::Tensor logits = random_tensor({1, kLarge}, at::kFloat, seed, 5.0);
    const at::Tensor exact = logits.to(at::kDouble).log_softmax(1);
    const int64_t label = 77;
    float nll = 0;
    bool correct = false;
    cross_entropy_rows<float>({.logits = logits.data_ptr<float>(),
                               .rows = 1,
                               .vocab = kLarge,
                               .labels = &label,
                               .weights = nullptr,
                               .scale = 1.0,
                               .gradient = logits.data_ptr<float>(),
                               .nll = &nll,
                               .correct = &correct});
    worst_nll = std::max(worst_nll, std::abs(nll + exact[0][label].item<double>()));
    // Away from the label the gradient is the softmax.
    const at::Tensor others = logits.narrow(1, 100, 100000);
    worst_gradient = std::max(worst_gradient, relative_error(others, exact.narrow(1, 100, 100000).exp()));
  }
  EXPECT_LE(worst_nll, 2e-6);
  EXPECT_LE(worst_gradient, 5e-7);
}

// Logits of +-1e4: exp would overflow without the maximum taken off.
TEST(LinearCrossEntropy, LargeLogitsStayFinite) {
  const at::Tensor hidden = at::full({2, 1}, 1.0, at::kFloat);
  const at::Tensor head = at::tensor({1e4f, -1e4f, 0.0f}).view({3, 1});
  const auto output =
      ops::linear_cross_entropy(hidden, head, at::tensor({int64_t{0}, int64_t{1}}, at::kLong), 8);
  EXPECT_EQ(output.nll[0].item<float>(), 0.0f);
  EXPECT_EQ(output.nll[1].item<float>(), 2e4f);
}

TEST(LinearCrossEntropy, CorrectMeansTheLabelIsTheFirstArgMax) {
  const at::Tensor hidden = at::ones({4, 1}, at::kFloat);
  const at::Tensor head = at::tensor({1.0f, 3.0f, 2.0f, 3.0f}).view({4, 1});
  const at::Tensor labels =
      at::tensor({int64_t{1}, int64_t{3}, int64_t{2}, int64_t{kIgnoredLabel}}, at::kLong);
  const at::Tensor correct = ops::linear_cross_entropy(hidden, head, labels, 8).correct;
  EXPECT_TRUE(correct.equal(at::tensor({1, 0, 0, 0}).to(at::kBool)));
}

TEST(LinearCrossEntropy, NothingScoredGivesZeros) {
  Problem p = problem(at::kFloat);
  p.labels.fill_(kIgnoredLabel);
  const auto output = ops::linear_cross_entropy(p.hidden, p.head, p.labels, 8);
  EXPECT_EQ(output.nll.abs().sum().item<double>(), 0.0);
  const Gradients g = backward(p, 8);
  EXPECT_EQ(g.hidden.abs().sum().item<double>(), 0.0);
  EXPECT_EQ(g.head.abs().sum().item<double>(), 0.0);
}

TEST(LinearCrossEntropy, NaNShowsInTheLossOfItsTokenOnly) {
  const Problem p = problem(at::kFloat);
  p.hidden[3].fill_(NAN);
  const at::Tensor nll = ops::linear_cross_entropy(p.hidden, p.head, p.labels, 8).nll;
  for (int64_t t = 0; t < kTokens; ++t) EXPECT_EQ(std::isnan(nll[t].item<float>()), t == 3) << t;
}

TEST(LinearCrossEntropy, LabelOutsideTheVocabularyIsBadDataAndNamesItself) {
  for (const int64_t bad : {kVocab, int64_t{-1}, int64_t{-101}}) {
    const Problem p = problem(at::kFloat);
    p.labels[9].fill_(bad);
    try {
      ops::linear_cross_entropy(p.hidden, p.head, p.labels, 8);
      FAIL() << bad << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kBadData);
      EXPECT_NE(std::string(error.what()).find("label " + std::to_string(bad) + " at token 9"),
                std::string::npos)
          << error.what();
    }
  }
}

TEST(LinearCrossEntropy, StridedHiddenRows) {
  const Problem p = problem(at::kFloat);
  const at::Tensor buffer = at::full({kTokens, 3 * kChannels}, NAN, at::kFloat);
  const at::Tensor hidden = buffer.narrow(1, kChannels, kChannels), d_hidden = hidden.clone();
  hidden.copy_(p.hidden);
  ops::linear_cross_entropy_backward({hidden, p.head, p.labels, p.weights, kScale, 8, d_hidden, {}});
  EXPECT_LE(relative_error(d_hidden, autograd(p).hidden), 1e-6);
}

}  // namespace
}  // namespace ropeway
