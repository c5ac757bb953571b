#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "kernels/base/error.h"
#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/embedding_ops.h"
#include "tests/kernels/tensors.h"

namespace ropeway {
namespace {

using testing::random_tensor;

TEST(EmbeddingGradient, AddsEveryTokensRowInOrder) {
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16}) {
    const at::ScalarType acc = ops::accumulation_type(type);
    const at::Tensor rows = random_tensor({6, 16}, type, 1).narrow(1, 3, 5);  // strided
    const at::Tensor tokens = at::tensor({4, 0, 4, 2, 4, 0}, at::kLong);
    const at::Tensor sum = at::ones({7, 5}, acc), wanted = at::ones({7, 5}, acc);
    for (int64_t t = 0; t < 6; ++t) wanted[tokens[t].item<int64_t>()].add_(rows[t].to(acc));
    ops::embedding_gradient(rows, tokens, sum);
    EXPECT_TRUE(sum.equal(wanted));
  }
}

TEST(EmbeddingGradient, RefusesAnotherTypeThanTheSums) {
  const at::Tensor rows = at::zeros({2, 4}, at::kBFloat16), tokens = at::zeros({2}, at::kLong);
  EXPECT_THROW(ops::embedding_gradient(rows, tokens, at::zeros({3, 4}, at::kBFloat16)), Error);
  EXPECT_THROW(ops::embedding_gradient(rows, tokens.to(at::kInt), at::zeros({3, 4}, at::kFloat)), Error);
}

}  // namespace
}  // namespace ropeway
