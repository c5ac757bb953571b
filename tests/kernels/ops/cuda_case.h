// What tests of kernels on a GPU share: the element types, and a skip that says why where there is no GPU.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/cuda_backend.h"
#include "tests/kernels/tensors.h"

namespace ropeway::testing {

inline at::Tensor on_gpu(const at::Tensor& x) { return x.defined() ? x.to(at::Device(at::kCUDA, 0)) : x; }

class CudaOps : public ::testing::TestWithParam<at::ScalarType> {
 protected:
  void SetUp() override {
    if (const std::string reason = ops::why_no_cuda(); !reason.empty()) GTEST_SKIP() << reason;
  }
  at::ScalarType type() const { return GetParam(); }
  at::ScalarType acc() const { return ops::accumulation_type(type()); }
  double tolerance() const { return type() == at::kDouble ? 1e-13 : type() == at::kFloat ? 1e-5 : 0x1p-8; }
  at::Tensor random(at::IntArrayRef sizes, uint64_t seed) const { return random_tensor(sizes, type(), seed); }
  at::Tensor random_acc(at::IntArrayRef sizes, uint64_t seed) const {
    return random_tensor(sizes, acc(), seed);
  }
};
}  // namespace ropeway::testing
