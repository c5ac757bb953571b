// Matrix products into memory that is already there: the one place that decides which library computes them.
// F32 and BF16 on the CPU go to oneDNN: its AVX-512 kernels run at twice the speed of the MKL kernels that
// libtorch's own mm takes on AMD processors (206 against 92 GF/s per core on Zen 5, 2048 x 192 x 1024 in
// F32), and equal them on Intel's. F64 goes to libtorch's mm, and so does everything on CUDA.
#pragma once

#include <ATen/core/Tensor.h>

namespace ropeway::ops {

// Throws kLauncher if the libtorch that was loaded lacks the function that products on the CPU need
// (matmul.cc). Programs call it as they start, so that none fails at its first product.
void require_matmul();
// The same for the address of any symbol; null: it is not there.
void require_symbol(const void* address);

// out [M, N] = a [M, K] * b [K, N]. a and b of one element type, out of the same or of its acc type (BF16
// into F32: nothing is rounded; on CUDA the product runs on tensor cores, on the CPU a and b are widened
// first). a and b may be transposed views, rows may be strided.
void matmul(const at::Tensor& a, const at::Tensor& b, const at::Tensor& out);
// out += a * b, summed in acc type, rounded once.
void matmul_add(const at::Tensor& a, const at::Tensor& b, const at::Tensor& out);

}  // namespace ropeway::ops
