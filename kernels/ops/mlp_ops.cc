#include "kernels/mlp/swiglu.h"
#include "kernels/ops/ops.h"
#include "kernels/ops/tensor_access.h"

namespace ropeway::ops {

void swiglu(const at::Tensor& gate_up, const at::Tensor& out) {
  constexpr const char* kName = "swiglu";
  ROPEWAY_CHECK(out.dim() == 2, "{}: out must be [T, I], has {} dimensions", kName, out.dim());
  const int64_t rows = out.size(0), width = out.size(1);
  const at::ScalarType type = out.scalar_type();
  check_rows(kName, "out", out, type, rows, width);
  check_rows(kName, "gate_up", gate_up, type, rows, 2 * width);
  for_activation_type(type, kName, [&]<typename T>(T) {
    swiglu_forward<T>(data_of<const T>(gate_up), gate_up.stride(0), rows, width, data_of<T>(out),
                      out.stride(0));
  });
}

void swiglu_backward(const at::Tensor& d_out, const at::Tensor& gate_up, const at::Tensor& d_gate_up) {
  constexpr const char* kName = "swiglu_backward";
  ROPEWAY_CHECK(d_out.dim() == 2, "{}: d_out must be [T, I], has {} dimensions", kName, d_out.dim());
  const int64_t rows = d_out.size(0), width = d_out.size(1);
  const at::ScalarType type = d_out.scalar_type();
  check_rows(kName, "d_out", d_out, type, rows, width);
  check_rows(kName, "gate_up", gate_up, type, rows, 2 * width);
  check_rows(kName, "d_gate_up", d_gate_up, type, rows, 2 * width);
  for_activation_type(type, kName, [&]<typename T>(T) {
    ropeway::swiglu_backward<T>(data_of<const T>(d_out), d_out.stride(0), data_of<const T>(gate_up),
                                gate_up.stride(0), rows, width, data_of<T>(d_gate_up), d_gate_up.stride(0));
  });
}

}  // namespace ropeway::ops
