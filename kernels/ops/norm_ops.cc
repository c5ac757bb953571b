#include "kernels/ops/norm_ops.h"

#include <ATen/ops/empty.h>

#include "kernels/norm/rms_norm.h"
#include "kernels/norm/rms_norm_cuda.h"
#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/cuda_backend.h"
#include "kernels/ops/tensor_access.h"

namespace ropeway::ops {

void rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, const at::Tensor& y,
              const at::Tensor& rstd) {
  constexpr const char* kName = "rms_norm";
  ROPEWAY_CHECK(x.dim() == 2, "{}: x must be [T, C], has {} dimensions", kName, x.dim());
  const int64_t rows = x.size(0), channels = x.size(1);
  const at::ScalarType type = x.scalar_type();
  const c10::Device device = x.device();
  check_rows(kName, "x", x, device, type, rows, channels);
  check_rows(kName, "y", y, device, type, rows, channels);
  check_flat(kName, "weight", weight, device, type, channels);
  check_flat(kName, "rstd", rstd, device, accumulation_type(type), rows);
  const bool gpu = on_cuda(kName, device);
  for_activation_type(type, kName, [&]<typename T>(T) {
    if (gpu) {
      return cuda::rms_norm_forward<T>({.x = data_of<const T>(x),
                                        .x_rows = {.group_stride = x.stride(0)},
                                        .weight = data_of<const T>(weight),
                                        .eps = eps,
                                        .rows = rows,
                                        .channels = channels,
                                        .y = data_of<T>(y),
                                        .y_rows = {.group_stride = y.stride(0)},
                                        .rstd = data_of<accumulation_t<T>>(rstd)},
                                       current_cuda_stream(device));
    }
    rms_norm_forward<T>(data_of<const T>(x), x.stride(0), data_of<const T>(weight), eps, rows, channels,
                        data_of<T>(y), y.stride(0), data_of<accumulation_t<T>>(rstd));
  });
}

void rms_norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                       const at::Tensor& rstd, const at::Tensor& dx, bool accumulate,
                       const at::Tensor& grad_weight) {
  constexpr const char* kName = "rms_norm_backward";
  ROPEWAY_CHECK(x.dim() == 2, "{}: x must be [T, C], has {} dimensions", kName, x.dim());
  const int64_t rows = x.size(0), channels = x.size(1);
  const at::ScalarType type = x.scalar_type(), acc = accumulation_type(type);
  const c10::Device device = x.device();
  check_rows(kName, "x", x, device, type, rows, channels);
  check_rows(kName, "dy", dy, device, type, rows, channels);
  check_rows(kName, "dx", dx, device, type, rows, channels);
  check_flat(kName, "weight", weight, device, type, channels);
  check_flat(kName, "rstd", rstd, device, acc, rows);
  if (grad_weight.defined()) check_flat(kName, "grad_weight", grad_weight, device, acc, channels);
  const bool gpu = on_cuda(kName, device);
  for_activation_type(type, kName, [&]<typename T>(T) {
    if (gpu) {
      const at::Tensor workspace =
          grad_weight.defined()
              ? at::empty({cuda::rms_norm_workspace<T>(rows, channels)}, grad_weight.options())
              : at::Tensor();
      return cuda::rms_norm_backward<T>({.dy = data_of<const T>(dy),
                                         .dy_rows = {.group_stride = dy.stride(0)},
                                         .x = data_of<const T>(x),
                                         .x_rows = {.group_stride = x.stride(0)},
                                         .weight = data_of<const T>(weight),
                                         .rstd = data_of<const accumulation_t<T>>(rstd),
                                         .rows = rows,
                                         .channels = channels,
                                         .dx = data_of<T>(dx),
                                         .dx_rows = {.group_stride = dx.stride(0)},
                                         .accumulate = accumulate,
                                         .grad_weight = data_of<accumulation_t<T>>(grad_weight),
                                         .workspace = data_of<accumulation_t<T>>(workspace)},
                                        current_cuda_stream(device));
    }
    ropeway::rms_norm_backward<T>({.dy = data_of<const T>(dy),
                                   .dy_stride = dy.stride(0),
                                   .x = data_of<const T>(x),
                                   .x_stride = x.stride(0),
                                   .weight = data_of<const T>(weight),
                                   .rstd = data_of<const accumulation_t<T>>(rstd),
                                   .rows = rows,
                                   .channels = channels,
                                   .dx = data_of<T>(dx),
                                   .dx_stride = dx.stride(0),
                                   .accumulate = accumulate,
                                   .grad_weight = data_of<accumulation_t<T>>(grad_weight)});
  });
}

}  // namespace ropeway::ops
