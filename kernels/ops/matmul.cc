#include "kernels/ops/matmul.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>

#include "kernels/base/error.h"
#include "kernels/ops/accumulation_type.h"

// oneDNN's product inside libtorch_cpu, exported by 2.11 without a header in the wheel. It is called by
// name because no public function does the same: at::mm and at::addmm take oneDNN for F32 only where the
// whole process has given up strict F32, and the operator mkldnn::_linear_pointwise allocates its result
// and cannot add to it. A weak symbol, so that a libtorch without it ends in require_matmul()'s message and
// not in the dynamic linker's.
namespace at::native {
__attribute__((weak)) void mkldnn_matmul(const Tensor& mat1, const Tensor& mat2, const Tensor& result,
                                         float beta, float alpha);
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
  ROPEWAY_CHECK(a.device() == out.device() && b.device() == out.device(),
                "matmul: all three must be on one device");
  ROPEWAY_CHECK(a.scalar_type() == b.scalar_type(), "matmul: factors must have one element type");
  ROPEWAY_CHECK(
      out.scalar_type() == a.scalar_type() || out.scalar_type() == accumulation_type(a.scalar_type()),
      "matmul: the product of {} must be of the same type or of {}, is {}", c10::toString(a.scalar_type()),
      c10::toString(accumulation_type(a.scalar_type())), c10::toString(out.scalar_type()));
}

// Whether out is wider than the factors.
bool widening(const at::Tensor& a, const at::Tensor& out) { return a.scalar_type() != out.scalar_type(); }

// The CPU's libraries know no such product.
bool widened_first(const at::Tensor& a, const at::Tensor& out) {
  return widening(a, out) && out.device().is_cpu();
}

}  // namespace

void require_symbol(const void* address) {
  if (address != nullptr) return;
  fail(ErrorKind::kLauncher,
       "libtorch_cpu has no at::native::mkldnn_matmul, which products on the CPU are computed by; "
       "wanted is the libtorch 2.11 this program was built with, not another one in LD_LIBRARY_PATH");
}

void require_matmul() { require_symbol(reinterpret_cast<const void*>(&at::native::mkldnn_matmul)); }

void matmul(const at::Tensor& a, const at::Tensor& b, const at::Tensor& out) {
  check(a, b, out);
  if (out.numel() == 0) return;
  if (widened_first(a, out)) return matmul(a.to(out.scalar_type()), b.to(out.scalar_type()), out);
  at::Tensor result = out;
  if (by_onednn(out) && a.size(1) > 0) {
    at::native::mkldnn_matmul(a, b, out, 0, 1);
  } else if (widening(a, out)) {
    at::mm_out(result, a, b, out.scalar_type());
  } else {
    at::mm_out(result, a, b);
  }
}

void matmul_add(const at::Tensor& a, const at::Tensor& b, const at::Tensor& out) {
  check(a, b, out);
  if (out.numel() == 0 || a.size(1) == 0) return;
  if (widened_first(a, out)) return matmul_add(a.to(out.scalar_type()), b.to(out.scalar_type()), out);
  at::Tensor result = out;
  if (by_onednn(out)) {
    at::native::mkldnn_matmul(a, b, out, 1, 1);
  } else if (widening(a, out)) {
    at::addmm_out(result, out, a, b, out.scalar_type());
  } else {
    result.addmm_(a, b);
  }
}

}  // namespace ropeway::ops
