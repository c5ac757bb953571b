#include "kernels/norm/rms_norm.h"
#include "kernels/ops/ops.h"
#include "kernels/ops/tensor_access.h"

namespace ropeway::ops {

void rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, const at::Tensor& y,
              const at::Tensor& rstd) {
  constexpr const char* kName = "rms_norm";
  ROPEWAY_CHECK(x.dim() == 2, "{}: x must be [T, C], has {} dimensions", kName, x.dim());
  const int64_t rows = x.size(0), channels = x.size(1);
  const at::ScalarType type = x.scalar_type();
  check_rows(kName, "x", x, type, rows, channels);
  check_rows(kName, "y", y, type, rows, channels);
  check_flat(kName, "weight", weight, type, channels);
  check_flat(kName, "rstd", rstd, accumulation_type(type), rows);
  for_activation_type(type, kName, [&]<typename T>(T) {
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
  check_rows(kName, "x", x, type, rows, channels);
  check_rows(kName, "dy", dy, type, rows, channels);
  check_rows(kName, "dx", dx, type, rows, channels);
  check_flat(kName, "weight", weight, type, channels);
  check_flat(kName, "rstd", rstd, acc, rows);
  if (grad_weight.defined()) check_flat(kName, "grad_weight", grad_weight, acc, channels);
  for_activation_type(type, kName, [&]<typename T>(T) {
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
