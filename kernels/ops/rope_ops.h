// RoPE (Su et al., "RoFormer", 2021) on tensors, pairs half-split as in Llama: pair i of a head is
// (x[i], x[i + R/2]), or interleaved as in GLM: (x[2i], x[2i + 1]). Only the first R dims of a head are
// rotated. Conventions: accumulation_type.h.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ropeway::ops {

// In place on x [T, H, D]: heads side by side, tokens at any distance that keeps them apart.
// cos, sin [T, R/2] in acc type, with the attention temperature already multiplied in.
void rope_(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin, bool interleaved = false);
// In place on dy [T, H, D]: the transposed rotation, that is d loss / d x.
void rope_backward_(const at::Tensor& dy, const at::Tensor& cos, const at::Tensor& sin,
                    bool interleaved = false);

// The gradient with respect to factors and temperature m, with the maths of kernels/rope/rope.h:
//
//   d loss / d phi_i         = dy2*y1 - dy1*y2
//   d loss / d log lambda_i  = -sum over tokens and heads of phi_i(n) * d loss / d phi_i
//   d loss / d log m         =  sum over tokens, heads and pairs of dy1*y1 + dy2*y2
struct RopeFactorGradientCall {
  at::Tensor y;       // [T, H, D], ROTATED
  at::Tensor dy;      // [T, H, D], d loss / d y
  at::Tensor angles;  // [T, R/2] F64: phi_i(n) = n * omega_i / lambda_i
  at::Tensor scaled;  // [T] bool; false: a start token, which has the original RoPE and adds nothing
  at::Tensor grad_log_factors;      // [R/2] F64, +=
  at::Tensor grad_log_temperature;  // [1] F64, +=
  bool interleaved = false;
};
void rope_factor_gradient(const RopeFactorGradientCall& call);

// Rates of a layer in radians per token, [R/2] (F64): positions below start_tokens turn at `plain` and have
// temperature 1, the others at `scaled`.
struct RopeRateTensors {
  at::Tensor scaled, plain;
  double temperature = 1;
  int64_t start_tokens = 0;
};
// Writes cos, sin [T, R/2] (F64 or F32) for positions [T] (int64): computed in double precision and rounded
// once (kernels/rope/rope_table.h).
void rope_table(const at::Tensor& positions, const RopeRateTensors& rates, const at::Tensor& cos,
                const at::Tensor& sin);
// Writes what rope_factor_gradient reads: angles [T, R/2] (F64) and scaled [T] (bool).
void rope_angles(const at::Tensor& positions, const RopeRateTensors& rates, const at::Tensor& angles,
                 const at::Tensor& scaled);

}  // namespace ropeway::ops
