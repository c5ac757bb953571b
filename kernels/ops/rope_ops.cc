#include "kernels/ops/rope_ops.h"

#include <ATen/ops/empty.h>

#include "kernels/base/team.h"
#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/cuda_backend.h"
#include "kernels/ops/tensor_access.h"
#include "kernels/rope/rope.h"
#include "kernels/rope/rope_cuda.h"
#include "kernels/rope/rope_table_cuda.h"

namespace ropeway::ops {
namespace {

void check_heads(const char* operation, const char* name, const at::Tensor& x) {
  ROPEWAY_CHECK(x.dim() == 3, "{}: {} must be a tensor [T, H, D], has {} dimensions", operation, name,
                x.dim());
  ROPEWAY_CHECK(x.numel() == 0 ||
                    ((x.stride(2) == 1 || x.size(2) == 1) && (x.stride(1) == x.size(2) || x.size(1) == 1) &&
                     (x.stride(0) >= x.size(1) * x.size(2) || x.size(0) == 1)),
                "{}: {}: the inner two dimensions must be contiguous and tokens must not overlap", operation,
                name);
}

RopeShape shape_of(const at::Tensor& x, int64_t pairs) {
  return {.tokens = x.size(0),
          .heads = x.size(1),
          .head_dim = x.size(2),
          .rotary_dim = 2 * pairs,
          .token_stride = x.stride(0)};
}

template <typename Kernel>
void rotate(const char* operation, const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin,
            const Kernel& kernel) {
  check_heads(operation, "x", x);
  ROPEWAY_CHECK(cos.dim() == 2 && 2 * cos.size(1) <= x.size(2), "{}: cos must be [T, R/2] with R <= {}",
                operation, x.size(2));
  const int64_t pairs = cos.size(1);
  const at::ScalarType acc = accumulation_type(x.scalar_type());
  check_flat(operation, "cos", cos, x.device(), acc, x.size(0) * pairs);
  check_flat(operation, "sin", sin, x.device(), acc, x.size(0) * pairs);
  for_activation_type(x.scalar_type(), operation, [&]<typename T>(T) {
    using Acc = accumulation_t<T>;
    kernel(data_of<T>(x), data_of<const Acc>(cos), data_of<const Acc>(sin), shape_of(x, pairs));
  });
}

RopeTableInput table_input(const char* operation, const at::Tensor& positions, const RopeRateTensors& rates) {
  const int64_t tokens = positions.numel(), pairs = rates.scaled.numel();
  const c10::Device device = positions.device();
  check_flat(operation, "positions", positions, device, at::kLong, tokens);
  check_flat(operation, "the scaled rates", rates.scaled, device, at::kDouble, pairs);
  check_flat(operation, "the plain rates", rates.plain, device, at::kDouble, pairs);
  return {.scaled = data_of<const double>(rates.scaled),
          .plain = data_of<const double>(rates.plain),
          .positions = data_of<const int64_t>(positions),
          .tokens = tokens,
          .pairs = pairs,
          .temperature = rates.temperature,
          .start_tokens = rates.start_tokens};
}

}  // namespace

void rope_(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin) {
  const bool gpu = on_cuda("rope_", x.device());
  rotate("rope_", x, cos, sin,
         [&]<typename T, typename Acc>(T* data, const Acc* c, const Acc* s, const RopeShape& shape) {
           gpu ? cuda::rope_forward<T>(data, c, s, shape, current_cuda_stream(x.device()))
               : rope_forward<T>(data, c, s, shape);
         });
}

void rope_backward_(const at::Tensor& dy, const at::Tensor& cos, const at::Tensor& sin) {
  const bool gpu = on_cuda("rope_backward_", dy.device());
  rotate("rope_backward_", dy, cos, sin,
         [&]<typename T, typename Acc>(T* data, const Acc* c, const Acc* s, const RopeShape& shape) {
           gpu ? cuda::rope_backward<T>(data, c, s, shape, current_cuda_stream(dy.device()))
               : rope_backward<T>(data, c, s, shape);
         });
}

void rope_factor_gradient(const at::Tensor& y, const at::Tensor& dy, const at::Tensor& angles,
                          const at::Tensor& scaled, const at::Tensor& grad_log_factors,
                          const at::Tensor& grad_log_temperature) {
  constexpr const char* kName = "rope_factor_gradient";
  check_heads(kName, "y", y);
  check_heads(kName, "dy", dy);
  ROPEWAY_CHECK(y.sizes() == dy.sizes() && y.scalar_type() == dy.scalar_type() && y.device() == dy.device(),
                "{}: y and dy must agree in shape, type and device", kName);
  ROPEWAY_CHECK(angles.dim() == 2 && 2 * angles.size(1) <= y.size(2),
                "{}: angles must be [T, R/2] with R <= {}", kName, y.size(2));
  const int64_t pairs = angles.size(1);
  const c10::Device device = y.device();
  check_flat(kName, "angles", angles, device, at::kDouble, y.size(0) * pairs);
  check_flat(kName, "scaled", scaled, device, at::kBool, y.size(0));
  check_flat(kName, "grad_log_factors", grad_log_factors, device, at::kDouble, pairs);
  check_flat(kName, "grad_log_temperature", grad_log_temperature, device, at::kDouble, 1);
  const RopeShape shape = shape_of(y, pairs);
  const bool gpu = on_cuda(kName, device);
  ROPEWAY_CHECK(!gpu || pairs <= kMaxBlockThreads, "{}: at most {} pairs a head on CUDA, got {}", kName,
                kMaxBlockThreads, pairs);
  const at::Tensor workspace =
      gpu ? at::empty({cuda::rope_factor_workspace(shape)}, angles.options()) : at::Tensor();
  for_activation_type(y.scalar_type(), kName, [&]<typename T>(T) {
    const T *const rotated = data_of<const T>(y), *const gradient = data_of<const T>(dy);
    const double* const angle = data_of<const double>(angles);
    const uint8_t* const uses_factors = data_of<const uint8_t>(scaled);
    double* const factors = data_of<double>(grad_log_factors);
    double* const temperature = data_of<double>(grad_log_temperature);
    if (gpu) {
      cuda::rope_factor_gradient<T>(rotated, gradient, dy.stride(0), angle, uses_factors, shape,
                                    data_of<double>(workspace), factors, temperature,
                                    current_cuda_stream(device));
    } else {
      ropeway::rope_factor_gradient<T>(rotated, gradient, dy.stride(0), angle, uses_factors, shape, factors,
                                       temperature);
    }
  });
}

void rope_table(const at::Tensor& positions, const RopeRateTensors& rates, const at::Tensor& cos,
                const at::Tensor& sin) {
  constexpr const char* kName = "rope_table";
  const RopeTableInput input = table_input(kName, positions, rates);
  const c10::Device device = positions.device();
  const at::ScalarType type = cos.scalar_type();
  ROPEWAY_CHECK(type == at::kDouble || type == at::kFloat, "{}: tables of {}", kName, c10::toString(type));
  check_flat(kName, "cos", cos, device, type, input.tokens * input.pairs);
  check_flat(kName, "sin", sin, device, type, input.tokens * input.pairs);
  const auto fill = [&]<typename Real>(Real) {
    Real *const to_cos = data_of<Real>(cos), *const to_sin = data_of<Real>(sin);
    on_cuda(kName, device) ? cuda::fill_rope_table(input, to_cos, to_sin, current_cuda_stream(device))
                           : fill_rope_table(input, to_cos, to_sin);
  };
  type == at::kDouble ? fill(double{}) : fill(float{});
}

void rope_angles(const at::Tensor& positions, const RopeRateTensors& rates, const at::Tensor& angles,
                 const at::Tensor& scaled) {
  constexpr const char* kName = "rope_angles";
  const RopeTableInput input = table_input(kName, positions, rates);
  const c10::Device device = positions.device();
  check_flat(kName, "angles", angles, device, at::kDouble, input.tokens * input.pairs);
  check_flat(kName, "scaled", scaled, device, at::kBool, input.tokens);
  double* const to_angles = data_of<double>(angles);
  bool* const to_scaled = data_of<bool>(scaled);
  on_cuda(kName, device) ? cuda::fill_rope_angles(input, to_angles, to_scaled, current_cuda_stream(device))
                         : fill_rope_angles(input, to_angles, to_scaled);
}

}  // namespace ropeway::ops
