#include "kernels/ops/embedding_ops.h"

#include <ATen/core/List.h>
#include <ATen/ops/_index_put_impl.h>
#include <ATen/ops/index_add.h>

#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/tensor_access.h"

namespace ropeway::ops {

void embedding_gradient(const at::Tensor& d_rows, const at::Tensor& tokens,
                        const at::Tensor& grad_embedding) {
  constexpr const char* kName = "embedding_gradient";
  ROPEWAY_CHECK(d_rows.dim() == 2 && grad_embedding.dim() == 2 && d_rows.size(1) == grad_embedding.size(1),
                "{}: d_rows [T, C] and grad_embedding [V, C] wanted", kName);
  const at::ScalarType acc = accumulation_type(d_rows.scalar_type());
  const c10::Device device = d_rows.device();
  check_flat(kName, "tokens", tokens, device, at::kLong, d_rows.size(0));
  check_flat(kName, "grad_embedding", grad_embedding, device, acc, grad_embedding.numel());
  const at::Tensor rows = d_rows.to(acc);
  at::Tensor sum = grad_embedding;
  if (on_cuda(kName, device)) {
    // Sorts the tokens and adds the rows of each in order; index_add_ would add with atomics, in whatever
    // order the blocks happen to run. Unsafe: the tokens are not checked again.
    at::_index_put_impl_(sum, {tokens}, rows, /*accumulate=*/true, /*unsafe=*/true);
  } else {
    sum.index_add_(0, tokens, rows);
  }
}

}  // namespace ropeway::ops
