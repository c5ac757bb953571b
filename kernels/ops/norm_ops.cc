#include "kernels/ops/norm_ops.h"

#include <ATen/ops/empty.h>

#include "kernels/norm/rms_norm.h"
#include "kernels/norm/rms_norm_cuda.h"
#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/cuda_backend.h"
#include "kernels/ops/tensor_access.h"

namespace ropeway::ops {
namespace {

// What all tensors of a call must agree with.
struct Rows {
  const char* operation;
  at::IntArrayRef sizes;
  at::ScalarType type, acc;
  c10::Device device;
  int64_t per_token, channels;

  int64_t count() const { return sizes[0] * per_token; }

  // Checks x, dy, dx or y, and says where its rows lie.
  RowLayout layout(const char* name, const at::Tensor& x) const {
    ROPEWAY_CHECK(x.defined() && x.device() == device && x.scalar_type() == type && x.sizes() == sizes,
                  "{}: {} must be a tensor of {} on {}, and shapes must agree", operation, name,
                  c10::toString(type), device.str());
    const int64_t last = x.dim() - 1;
    const bool in_a_row = x.numel() == 0 || ((channels == 1 || x.stride(last) == 1) &&
                                             (per_token == 1 || x.stride(1) == channels));
    ROPEWAY_CHECK(in_a_row, "{}: {}: the elements of a token must be contiguous", operation, name);
    return {.group_stride = x.stride(0), .per_group = per_token, .row_stride = channels};
  }
  void check_statistics(const at::Tensor& weight, const at::Tensor& rstd) const {
    check_flat(operation, "weight", weight, device, type, channels);
    check_flat(operation, "rstd", rstd, device, acc, count());
  }
};

Rows rows_of(const char* operation, const at::Tensor& x) {
  ROPEWAY_CHECK(x.dim() == 2 || x.dim() == 3, "{}: x must be [T, C] or [T, H, D], has {} dimensions",
                operation, x.dim());
  const at::ScalarType type = x.scalar_type();
  return {operation, x.sizes(), type, accumulation_type(type), x.device(), x.dim() == 3 ? x.size(1) : 1,
          x.size(-1)};
}

}  // namespace

void rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, const at::Tensor& y,
              const at::Tensor& rstd, double offset) {
  const Rows rows = rows_of("rms_norm", x);
  const RowLayout x_rows = rows.layout("x", x), y_rows = rows.layout("y", y);
  rows.check_statistics(weight, rstd);
  const bool gpu = on_cuda(rows.operation, rows.device);
  for_activation_type(rows.type, rows.operation, [&]<typename T>(T) {
    const RmsNormForward<T> call{.x = data_of<const T>(x),
                                 .x_rows = x_rows,
                                 .weight = data_of<const T>(weight),
                                 .offset = offset,
                                 .eps = eps,
                                 .rows = rows.count(),
                                 .channels = rows.channels,
                                 .y = data_of<T>(y),
                                 .y_rows = y_rows,
                                 .rstd = data_of<accumulation_t<T>>(rstd)};
    gpu ? cuda::rms_norm_forward(call, current_cuda_stream(rows.device)) : rms_norm_forward(call);
  });
}

void rms_norm_backward(const RmsNormBackwardCall& c) {
  const Rows rows = rows_of("rms_norm_backward", c.x);
  const RowLayout x_rows = rows.layout("x", c.x), dy_rows = rows.layout("dy", c.dy),
                  dx_rows = rows.layout("dx", c.dx);
  rows.check_statistics(c.weight, c.rstd);
  if (c.grad_weight.defined())
    check_flat(rows.operation, "grad_weight", c.grad_weight, rows.device, rows.acc, rows.channels);
  const bool gpu = on_cuda(rows.operation, rows.device);
  for_activation_type(rows.type, rows.operation, [&]<typename T>(T) {
    using Acc = accumulation_t<T>;
    const RmsNormBackward<T> call{.dy = data_of<const T>(c.dy),
                                  .dy_rows = dy_rows,
                                  .x = data_of<const T>(c.x),
                                  .x_rows = x_rows,
                                  .weight = data_of<const T>(c.weight),
                                  .offset = c.offset,
                                  .rstd = data_of<const Acc>(c.rstd),
                                  .rows = rows.count(),
                                  .channels = rows.channels,
                                  .dx = data_of<T>(c.dx),
                                  .dx_rows = dx_rows,
                                  .accumulate = c.accumulate,
                                  .grad_weight = data_of<Acc>(c.grad_weight)};
    if (!gpu) return ropeway::rms_norm_backward(call);
    const at::Tensor workspace =
        c.grad_weight.defined()
            ? at::empty({cuda::rms_norm_workspace<T>(call.rows, call.channels)}, c.grad_weight.options())
            : at::Tensor();
    cuda::rms_norm_backward(call, data_of<Acc>(workspace), current_cuda_stream(rows.device));
  });
}

}  // namespace ropeway::ops
