// Cross-entropy's device kernel and the running softmax it is built on, executed on the host.
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

#include "kernels/loss/cross_entropy.h"
#include "kernels/loss/cross_entropy_team.h"
#include "kernels/ops/tensor_access.h"
#include "tests/kernels/host_team.h"
#include "tests/kernels/tensors.h"

namespace ropeway {
namespace {

using ops::data_of;
using namespace testing;

TEST(SoftmaxState, EqualsTheDirectSum) {
  SoftmaxState<float> state = empty_softmax<float>();
  double direct = 0;
  std::vector<float> all;
  for (int64_t i = 0; i < 4000; i += 4) {
    float z[4];
    for (int k = 0; k < 4; ++k) {
      z[k] = 20 * std::sin(static_cast<float>(i + k));
      all.push_back(z[k]);
    }
    add_logits<4>(state, z, i);
  }
  const auto top = std::max_element(all.begin(), all.end());
  for (const float z : all) direct += std::exp(static_cast<double>(z) - *top);
  EXPECT_EQ(state.top, *top);
  EXPECT_EQ(state.first, top - all.begin());
  EXPECT_NEAR(state.sum, direct, 1e-6 * direct);
}

TEST(SoftmaxState, JoiningIsCommutativeAndKeepsTheFirstMaximum) {
  const SoftmaxState<float> a{1.5, 7, 3.0f}, b{2.5, 4, 3.0f}, c{1.25, 1, -2.0f};
  const auto ab = JoinSoftmax{}(a, b), ba = JoinSoftmax{}(b, a);
  EXPECT_EQ(ab.sum, 4.0);
  EXPECT_EQ(ab.first, 4);
  EXPECT_EQ(ba.sum, ab.sum);
  EXPECT_EQ(ba.first, ab.first);
  const auto ac = JoinSoftmax{}(a, c), ca = JoinSoftmax{}(c, a);
  EXPECT_NEAR(ac.sum, 1.5 + 1.25 * std::exp(-5.0), 1e-7);
  EXPECT_EQ(ac.sum, ca.sum);
  EXPECT_EQ(ac.first, 7);
}

TEST(SoftmaxState, EmptyPartsAddNothing) {
  const SoftmaxState<float> nothing = empty_softmax<float>(), a{1.5, 7, 3.0f};
  EXPECT_EQ(JoinSoftmax{}(nothing, nothing).sum, 0.0);
  EXPECT_EQ(JoinSoftmax{}(nothing, a).sum, 1.5);
  EXPECT_EQ(JoinSoftmax{}(a, nothing).first, 7);
}

struct Result {
  at::Tensor nll, correct, gradient;
};

template <typename Acc>
Result cpu_rows(const at::Tensor& logits, const at::Tensor& labels, const at::Tensor& weights, double scale) {
  Result r{at::empty({logits.size(0)}, logits.options()), at::empty({logits.size(0)}, at::kBool),
           logits.clone()};
  cross_entropy_rows<Acc>({.logits = data_of<Acc>(r.gradient),
                           .rows = logits.size(0),
                           .vocab = logits.size(1),
                           .labels = data_of<const int64_t>(labels),
                           .weights = data_of<const Acc>(weights),
                           .scale = scale,
                           .gradient = data_of<Acc>(r.gradient),
                           .nll = data_of<Acc>(r.nll),
                           .correct = data_of<bool>(r.correct)});
  return r;
}

// gradient: where it goes; undefined: none is wanted.
template <typename Acc, typename G>
Result team_rows(const at::Tensor& logits, const at::Tensor& labels, const at::Tensor& weights, double scale,
                 const at::Tensor& gradient) {
  Result r{at::empty({logits.size(0)}, logits.options()), at::empty({logits.size(0)}, at::kBool), gradient};
  launch_cross_entropy<Acc, G>(HostLauncher(), {.logits = data_of<Acc>(logits),
                                                .rows = logits.size(0),
                                                .vocab = logits.size(1),
                                                .labels = data_of<const int64_t>(labels),
                                                .weights = data_of<const Acc>(weights),
                                                .scale = scale,
                                                .gradient = data_of<G>(gradient),
                                                .nll = data_of<Acc>(r.nll),
                                                .correct = data_of<bool>(r.correct)});
  return r;
}

class CrossEntropyTeam : public ::testing::TestWithParam<int64_t> {  // vocabulary
 protected:
  // Labels over the whole vocabulary; the third row is not scored, the second's label is the
  // second of two maxima.
  void SetUp() override {
    const int64_t vocab = GetParam();
    labels = at::arange(kRows, at::kLong) * 7 % vocab;
    labels[2].fill_(kIgnoredLabel);
    logits = random_tensor({kRows, vocab}, at::kDouble, 1, 4.0);
    logits[0][0].fill_(50);
    logits[1][labels[1].item<int64_t>()].fill_(60);
    logits[1][0].fill_(60);
    weights = random_tensor({kRows}, at::kDouble, 2);
  }
  static constexpr int64_t kRows = 6;
  at::Tensor labels, logits, weights;
};
INSTANTIATE_TEST_SUITE_P(Vocabularies, CrossEntropyTeam, ::testing::Values(8, 257, 5000, 4096));

TEST_P(CrossEntropyTeam, InDoubleAsTheCPU) {
  const Result cpu = cpu_rows<double>(logits, labels, weights, 0.25);
  const Result team = team_rows<double, double>(logits, labels, weights, 0.25, logits);  // in place
  EXPECT_LE(max_difference(team.nll, cpu.nll), 1e-13);
  EXPECT_TRUE(team.correct.equal(cpu.correct));
  EXPECT_LE(max_difference(team.gradient, cpu.gradient), 1e-15);
}

TEST_P(CrossEntropyTeam, InFloatAsTheCPUInDouble) {
  const at::Tensor narrow = logits.to(at::kFloat), w = weights.to(at::kFloat);
  const Result cpu = cpu_rows<double>(narrow.to(at::kDouble), labels, w.to(at::kDouble), 0.25);
  const Result scored = team_rows<float, float>(narrow, labels, w, 0.25, at::Tensor());
  const Result rounded =
      team_rows<float, bfloat16>(narrow, labels, w, 0.25, at::empty(narrow.sizes(), at::kBFloat16));
  const Result in_place = team_rows<float, float>(narrow, labels, w, 0.25, narrow);
  EXPECT_LE(max_difference(scored.nll, cpu.nll), 2e-6 * 60);
  EXPECT_TRUE(scored.correct.equal(cpu.correct));
  EXPECT_LE(max_difference(in_place.gradient, cpu.gradient), 1e-6);
  EXPECT_LE(relative_error(rounded.gradient, cpu.gradient), 0x1p-8);
}

}  // namespace
}  // namespace ropeway
