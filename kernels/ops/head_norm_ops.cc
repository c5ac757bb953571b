#include "kernels/ops/head_norm_ops.h"

#include <ATen/ops/empty.h>

#include "kernels/norm/head_norm.h"
#include "kernels/norm/rms_norm_cuda.h"
#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/cuda_backend.h"
#include "kernels/ops/tensor_access.h"

namespace ropeway::ops {
namespace {

// x [T, H, D] as rows of H * D next to each other, which is what the kernels walk through.
at::Tensor token_rows(const char* operation, const char* name, const at::Tensor& x, const at::Tensor& like,
                      const HeadNormShape& shape) {
  ROPEWAY_CHECK(x.dim() == 3 && x.size(0) == shape.tokens && x.size(1) == shape.heads &&
                    x.size(2) == shape.head_dim && (x.stride(1) == x.size(2) || x.size(1) == 1),
                "{}: {} must be [{}, {}, {}], heads side by side", operation, name, shape.tokens, shape.heads,
                shape.head_dim);
  const at::Tensor rows = x.view({shape.tokens, shape.heads * shape.head_dim});
  check_rows(operation, name, rows, like.device(), like.scalar_type(), shape.tokens,
             shape.heads * shape.head_dim);
  return rows;
}

HeadNormShape shape_of(const char* operation, const at::Tensor& x) {
  ROPEWAY_CHECK(x.dim() == 3, "{}: x must be [T, H, D], has {} dimensions", operation, x.dim());
  return {.tokens = x.size(0), .heads = x.size(1), .head_dim = x.size(2)};
}

RowLayout heads_of(const at::Tensor& rows, const HeadNormShape& shape) {
  return {.group_stride = rows.stride(0), .per_group = shape.heads, .row_stride = shape.head_dim};
}

}  // namespace

void head_norm(const at::Tensor& x, const at::Tensor& weight, double eps, const at::Tensor& y,
               const at::Tensor& rstd) {
  constexpr const char* kName = "head_norm";
  const HeadNormShape shape = shape_of(kName, x);
  const at::ScalarType type = x.scalar_type();
  const c10::Device device = x.device();
  const at::Tensor x_rows = token_rows(kName, "x", x, x, shape), y_rows = token_rows(kName, "y", y, x, shape);
  check_flat(kName, "weight", weight, device, type, shape.head_dim);
  check_flat(kName, "rstd", rstd, device, accumulation_type(type), shape.tokens * shape.heads);
  const bool gpu = on_cuda(kName, device);
  for_activation_type(type, kName, [&]<typename T>(T) {
    if (gpu) {
      return cuda::rms_norm_forward<T>({.x = data_of<const T>(x_rows),
                                        .x_rows = heads_of(x_rows, shape),
                                        .weight = data_of<const T>(weight),
                                        .eps = eps,
                                        .rows = shape.tokens * shape.heads,
                                        .channels = shape.head_dim,
                                        .y = data_of<T>(y_rows),
                                        .y_rows = heads_of(y_rows, shape),
                                        .rstd = data_of<accumulation_t<T>>(rstd)},
                                       current_cuda_stream(device));
    }
    head_norm_forward<T>(data_of<const T>(x_rows), x_rows.stride(0), data_of<const T>(weight), eps, shape,
                         data_of<T>(y_rows), y_rows.stride(0), data_of<accumulation_t<T>>(rstd));
  });
}

void head_norm_backward_(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                         const at::Tensor& rstd, const at::Tensor& grad_weight) {
  constexpr const char* kName = "head_norm_backward_";
  const HeadNormShape shape = shape_of(kName, x);
  const int64_t rows = shape.tokens * shape.heads, channels = shape.head_dim;
  const at::ScalarType type = x.scalar_type(), acc = accumulation_type(type);
  const c10::Device device = x.device();
  const at::Tensor x_rows = token_rows(kName, "x", x, x, shape),
                   dy_rows = token_rows(kName, "dy", dy, x, shape);
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
      return cuda::rms_norm_backward<T>({.dy = data_of<const T>(dy_rows),
                                         .dy_rows = heads_of(dy_rows, shape),
                                         .x = data_of<const T>(x_rows),
                                         .x_rows = heads_of(x_rows, shape),
                                         .weight = data_of<const T>(weight),
                                         .rstd = data_of<const accumulation_t<T>>(rstd),
                                         .rows = rows,
                                         .channels = channels,
                                         .dx = data_of<T>(dy_rows),
                                         .dx_rows = heads_of(dy_rows, shape),
                                         .accumulate = false,
                                         .grad_weight = data_of<accumulation_t<T>>(grad_weight),
                                         .workspace = data_of<accumulation_t<T>>(workspace)},
                                        current_cuda_stream(device));
    }
    ropeway::head_norm_backward<T>({.shape = shape,
                                    .dy = data_of<T>(dy_rows),
                                    .dy_token_stride = dy_rows.stride(0),
                                    .x = data_of<const T>(x_rows),
                                    .x_token_stride = x_rows.stride(0),
                                    .weight = data_of<const T>(weight),
                                    .rstd = data_of<const accumulation_t<T>>(rstd),
                                    .grad_weight = data_of<accumulation_t<T>>(grad_weight)});
  });
}

}  // namespace ropeway::ops
