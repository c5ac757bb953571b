#include "kernels/ops/mlp_ops.h"

#include "kernels/mlp/swiglu.h"
#include "kernels/mlp/swiglu_cuda.h"
#include "kernels/ops/cuda_backend.h"
#include "kernels/ops/tensor_access.h"

namespace ropeway::ops {

void swiglu(const at::Tensor& gate_up, const at::Tensor& out, GateActivation activation) {
  constexpr const char* kName = "swiglu";
  ROPEWAY_CHECK(out.dim() == 2, "{}: out must be [T, I], has {} dimensions", kName, out.dim());
  const int64_t rows = out.size(0), width = out.size(1);
  const c10::Device device = out.device();
  check_rows(kName, "out", out, device, out.scalar_type(), rows, width);
  check_rows(kName, "gate_up", gate_up, device, out.scalar_type(), rows, 2 * width);
  const bool gpu = on_cuda(kName, device);
  for_activation_type(out.scalar_type(), kName, [&]<typename T>(T) {
    const SwigluForward<T> call{.gate_up = data_of<const T>(gate_up),
                                .gate_up_stride = gate_up.stride(0),
                                .rows = rows,
                                .width = width,
                                .out = data_of<T>(out),
                                .out_stride = out.stride(0),
                                .activation = activation};
    gpu ? cuda::swiglu_forward(call, current_cuda_stream(device)) : swiglu_forward(call);
  });
}

void swiglu_backward(const at::Tensor& d_out, const at::Tensor& gate_up, const at::Tensor& d_gate_up,
                     GateActivation activation) {
  constexpr const char* kName = "swiglu_backward";
  ROPEWAY_CHECK(d_out.dim() == 2, "{}: d_out must be [T, I], has {} dimensions", kName, d_out.dim());
  const int64_t rows = d_out.size(0), width = d_out.size(1);
  const c10::Device device = d_out.device();
  check_rows(kName, "d_out", d_out, device, d_out.scalar_type(), rows, width);
  check_rows(kName, "gate_up", gate_up, device, d_out.scalar_type(), rows, 2 * width);
  check_rows(kName, "d_gate_up", d_gate_up, device, d_out.scalar_type(), rows, 2 * width);
  const bool gpu = on_cuda(kName, device);
  for_activation_type(d_out.scalar_type(), kName, [&]<typename T>(T) {
    const SwigluBackward<T> call{.d_out = data_of<const T>(d_out),
                                 .d_out_stride = d_out.stride(0),
                                 .gate_up = data_of<const T>(gate_up),
                                 .gate_up_stride = gate_up.stride(0),
                                 .rows = rows,
                                 .width = width,
                                 .d_gate_up = data_of<T>(d_gate_up),
                                 .d_gate_up_stride = d_gate_up.stride(0),
                                 .activation = activation};
    gpu ? cuda::swiglu_backward(call, current_cuda_stream(device)) : ropeway::swiglu_backward(call);
  });
}

}  // namespace ropeway::ops
