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

RopeShape shape_of(const at::Tensor& x, int64_t pairs, bool interleaved) {
  return {.tokens = x.size(0),
          .heads = x.size(1),
          .head_dim = x.size(2),
          .rotary_dim = 2 * pairs,
          .token_stride = x.stride(0),
          .interleaved = interleaved};
}

template <bool transposed>
void rotate(const char* operation, const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin,
            bool interleaved) {
  check_heads(operation, "x", x);
  ROPEWAY_CHECK(cos.dim() == 2 && 2 * cos.size(1) <= x.size(2), "{}: cos must be [T, R/2] with R <= {}",
                operation, x.size(2));
  const int64_t pairs = cos.size(1);
  const at::ScalarType acc = accumulation_type(x.scalar_type());
  check_flat(operation, "cos", cos, x.device(), acc, x.size(0) * pairs);
  check_flat(operation, "sin", sin, x.device(), acc, x.size(0) * pairs);
  const RopeShape shape = shape_of(x, pairs, interleaved);
  const bool gpu = on_cuda(operation, x.device());
  for_activation_type(x.scalar_type(), operation, [&]<typename T>(T) {
    using Acc = accumulation_t<T>;
    T* const data = data_of<T>(x);
    const Acc *const c = data_of<const Acc>(cos), *const s = data_of<const Acc>(sin);
    if (gpu) {
      const CudaStream stream = current_cuda_stream(x.device());
      transposed ? cuda::rope_backward<T>(data, c, s, shape, stream)
                 : cuda::rope_forward<T>(data, c, s, shape, stream);
    } else {
      transposed ? rope_backward<T>(data, c, s, shape) : rope_forward<T>(data, c, s, shape);
    }
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

void rope_(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin, bool interleaved) {
  rotate<false>("rope_", x, cos, sin, interleaved);
}

void rope_backward_(const at::Tensor& dy, const at::Tensor& cos, const at::Tensor& sin, bool interleaved) {
  rotate<true>("rope_backward_", dy, cos, sin, interleaved);
}

void rope_factor_gradient(const RopeFactorGradientCall& c) {
  constexpr const char* kName = "rope_factor_gradient";
  check_heads(kName, "y", c.y);
  check_heads(kName, "dy", c.dy);
  const c10::Device device = c.y.device();
  ROPEWAY_CHECK(
      c.y.sizes() == c.dy.sizes() && c.y.scalar_type() == c.dy.scalar_type() && c.dy.device() == device,
      "{}: y and dy must agree in shape, type and device", kName);
  ROPEWAY_CHECK(c.angles.dim() == 2 && 2 * c.angles.size(1) <= c.y.size(2),
                "{}: angles must be [T, R/2] with R <= {}", kName, c.y.size(2));
  const int64_t tokens = c.y.size(0), pairs = c.angles.size(1);
  check_flat(kName, "angles", c.angles, device, at::kDouble, tokens * pairs);
  check_flat(kName, "scaled", c.scaled, device, at::kBool, tokens);
  check_flat(kName, "grad_log_factors", c.grad_log_factors, device, at::kDouble, pairs);
  check_flat(kName, "grad_log_temperature", c.grad_log_temperature, device, at::kDouble, 1);
  const bool gpu = on_cuda(kName, device);
  ROPEWAY_CHECK(!gpu || pairs <= kMaxBlockThreads, "{}: at most {} pairs per head on CUDA, got {}", kName,
                kMaxBlockThreads, pairs);
  for_activation_type(c.y.scalar_type(), kName, [&]<typename T>(T) {
    const RopeFactorGradient<T> call{.shape = shape_of(c.y, pairs, c.interleaved),
                                     .y = data_of<const T>(c.y),
                                     .dy = data_of<const T>(c.dy),
                                     .dy_token_stride = c.dy.stride(0),
                                     .angles = data_of<const double>(c.angles),
                                     .scaled = data_of<const uint8_t>(c.scaled),
                                     .grad_log_factors = data_of<double>(c.grad_log_factors),
                                     .grad_log_temperature = data_of<double>(c.grad_log_temperature)};
    if (!gpu) return ropeway::rope_factor_gradient(call);
    const at::Tensor workspace = at::empty({cuda::rope_factor_workspace(call.shape)}, c.angles.options());
    cuda::rope_factor_gradient(call, data_of<double>(workspace), current_cuda_stream(device));
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
