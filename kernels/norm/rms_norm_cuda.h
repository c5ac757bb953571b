// rms_norm.h on CUDA: the same maths and element types; pointers are the device's, work is queued on a
// stream. Rows may be the heads of tokens (norms of queries and keys), which lie at two distances.
#pragma once

#include "kernels/base/cuda_stream.h"
#include "kernels/norm/rms_norm.h"
#include "kernels/norm/row_layout.h"

namespace ropeway::cuda {

template <typename T>
struct RmsNormForward {
  const T* x = nullptr;
  RowLayout x_rows;
  const T* weight = nullptr;  // [channels]
  double eps = 0;
  int64_t rows = 0, channels = 0;
  T* y = nullptr;  // may be x
  RowLayout y_rows;
  accumulation_t<T>* rstd = nullptr;  // [rows], written
};
// Bytes moved: 2 x sizeof(T) an element.
template <typename T>
void rms_norm_forward(const RmsNormForward<T>& call, CudaStream stream);

// As RmsNormGradient of rms_norm.h.
template <typename T>
struct RmsNormBackward {
  const T* dy = nullptr;
  RowLayout dy_rows;
  const T* x = nullptr;
  RowLayout x_rows;
  const T* weight = nullptr;
  const accumulation_t<T>* rstd = nullptr;
  int64_t rows = 0, channels = 0;
  T* dx = nullptr;  // may be dy
  RowLayout dx_rows;
  bool accumulate = false;                   // dx += instead of dx =
  accumulation_t<T>* grad_weight = nullptr;  // [channels], += ; null: not formed
  accumulation_t<T>* workspace = nullptr;    // rms_norm_workspace<T> elements; null without grad_weight
};
// Elements of scratch memory for the weight gradient: partial sums of tiles of rows, added up in a second
// kernel in an order that depends on the shape only.
template <typename T>
int64_t rms_norm_workspace(int64_t rows, int64_t channels);
// Bytes moved: 3 x sizeof(T) an element (dy, x, dx), 4 x with accumulate, and 2 x the workspace. At
// most 24,000 channels.
template <typename T>
void rms_norm_backward(const RmsNormBackward<T>& call, CudaStream stream);

}  // namespace ropeway::cuda
