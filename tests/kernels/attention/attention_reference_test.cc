// The oracle itself, against autograd on the textbook formula and against central differences.
#include <ATen/ops/full.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include <vector>

#include "tests/kernels/attention/reference.h"

namespace ropeway {
namespace {

using namespace testing;  // NOLINT: the helpers of this folder

struct Textbook {
  at::Tensor out, lse;
};
Textbook textbook(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale,
                  const at::Tensor& allowed) {
  const int64_t group = q.size(1) / k.size(1);
  const at::Tensor scores = (at::matmul(q, k.repeat_interleave(group, 1).transpose(2, 3)) * scale)
                                .masked_fill(allowed.logical_not(), -INFINITY);
  return {at::matmul(scores.softmax(-1), v.repeat_interleave(group, 1)), scores.logsumexp(-1)};
}

void expect_equals_textbook(const AttentionProblem& p, const AttentionReferenceShape& shape,
                            const at::Tensor& allowed) {
  const at::Tensor q = in_double(p.q).clone().requires_grad_(), k = in_double(p.k).clone().requires_grad_(),
                   v = in_double(p.v).clone().requires_grad_();
  const Textbook wanted = textbook(q, k, v, p.scale, allowed);
  wanted.out.backward(in_double(p.d_out));
  const auto forward = reference_forward(p, shape);
  EXPECT_LE(max_difference(forward.out, wanted.out.detach()), 1e-14);
  EXPECT_LE(max_difference(forward.lse, wanted.lse.detach()), 1e-14);
  const auto gradients = reference_backward(p, shape);
  EXPECT_LE(relative_error(gradients.dq, q.grad()), 1e-14);
  EXPECT_LE(relative_error(gradients.dk, k.grad()), 1e-14);
  EXPECT_LE(relative_error(gradients.dv, v.grad()), 1e-14);
}

TEST(AttentionReference, FullRectangleWithGroupedHeads) {
  const auto p = attention_problem(4, 2, 5, 9, at::kDouble);
  expect_equals_textbook(p, reference_shape(p, false), at::ones({5, 9}, at::kBool));
}

TEST(AttentionReference, Causal) {
  const auto p = attention_problem(3, 3, 8, 8, at::kDouble);
  expect_equals_textbook(p, reference_shape(p, true), at::ones({8, 8}, at::kBool).tril());
}

TEST(AttentionReference, CausalByPosition) {
  const auto p = attention_problem(2, 1, 3, 4, at::kDouble);
  const std::vector<int64_t> query_positions{6, 1, 9}, key_positions{1, 7, 0, 6};
  auto shape = reference_shape(p, true);
  shape.query_positions = query_positions.data();
  shape.key_positions = key_positions.data();
  const at::Tensor allowed = at::zeros({3, 4}, at::kBool);
  for (int64_t i = 0; i < 3; ++i) {
    for (int64_t j = 0; j < 4; ++j) allowed[i][j].fill_(key_positions[j] <= query_positions[i]);
  }
  expect_equals_textbook(p, shape, allowed);
}

TEST(AttentionReference, ArbitraryMask) {
  const auto p = attention_problem(2, 2, 4, 5, at::kDouble);
  const std::vector<uint8_t> mask{1, 0, 1, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1};
  auto shape = reference_shape(p, false);
  shape.allowed = mask.data();
  const at::Tensor allowed = at::zeros({4, 5}, at::kBool);
  for (int64_t i = 0; i < 20; ++i) allowed.view({20})[i].fill_(mask[i] != 0);
  expect_equals_textbook(p, shape, allowed);
}

TEST(AttentionReference, GradientsEqualCentralDifferences) {
  auto p = attention_problem(2, 1, 3, 4, at::kDouble);
  p.q = in_double(p.q);
  p.k = in_double(p.k);
  p.v = in_double(p.v);
  const auto shape = reference_shape(p, false);
  const auto gradients = reference_backward(p, shape);
  const auto loss = [&] { return (reference_forward(p, shape).out * p.d_out).sum().item<double>(); };
  EXPECT_LE(relative_error(gradients.dq, central_differences(p.q, 1e-5, loss)), 1e-8);
  EXPECT_LE(relative_error(gradients.dk, central_differences(p.k, 1e-5, loss)), 1e-8);
  EXPECT_LE(relative_error(gradients.dv, central_differences(p.v, 1e-5, loss)), 1e-8);
}

TEST(AttentionReference, RowWithoutKeysIsEmptyAndGivesNoGradient) {
  const auto p = attention_problem(1, 1, 2, 2, at::kDouble);
  const std::vector<uint8_t> mask{0, 0, 1, 1};
  auto shape = reference_shape(p, false);
  shape.allowed = mask.data();
  const auto forward = reference_forward(p, shape);
  EXPECT_EQ(forward.lse[0][0][0].item<double>(), -INFINITY);
  EXPECT_EQ(forward.out[0][0][0].abs().sum().item<double>(), 0.0);
  EXPECT_EQ(reference_backward(p, shape).dq[0][0][0].abs().sum().item<double>(), 0.0);
}

}  // namespace
}  // namespace ropeway
