#include "kernels/ops/matmul.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>

#include "kernels/base/error.h"

// Exported by libtorch_cpu 2.11; its header is not part of the wheel. Strict F32 unless the process asks
// otherwise.
namespace at::native {
void mkldnn_matmul(const Tensor& mat1, const Tensor& mat2, const Tensor& result, float beta, float alpha);
}

namespace ropeway::ops {
namespace {

bool by_onednn(const at::Tensor& out) {
  return out.device().is_cpu() && (out.scalar_type() == at::kFloat || out.scalar_type() == at::kBFloat16);
}

void check(const at::Tensor& a, const at::Tensor& b, const at::Tensor& out) {
  ROPEWAY_CHECK(a.dim() == 2 && b.dim() == 2 && out.dim() == 2 && a.size(1) == b.size(0) &&
                    out.size(0) == a.size(0) && out.size(1) == b.size(1),
                "matmul: shapes do not fit");
  ROPEWAY_CHECK(a.scalar_type() == out.scalar_type() && b.scalar_type() == out.scalar_type(),
                "matmul: all three must have one element type");
}

}  // namespace

void matmul(const at::Tensor& a, const at::Tensor& b, const at::Tensor& out) {
  check(a, b, out);
  if (out.numel() == 0) return;
  if (by_onednn(out) && a.size(1) > 0) {
    at::native::mkldnn_matmul(a, b, out, 0, 1);
  } else {
    at::Tensor result = out;
    at::mm_out(result, a, b);
  }
}

void matmul_add(const at::Tensor& a, const at::Tensor& b, const at::Tensor& out) {
  check(a, b, out);
  if (out.numel() == 0 || a.size(1) == 0) return;
  if (by_onednn(out)) {
    at::native::mkldnn_matmul(a, b, out, 1, 1);
  } else {
    at::Tensor result = out;
    result.addmm_(a, b);
  }
}

}  // namespace ropeway::ops
