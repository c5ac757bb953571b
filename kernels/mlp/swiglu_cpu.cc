// SwiGLU on the CPU: one pass, vectorised along the row.
#include "kernels/base/vector_dispatch.h"
#include "kernels/mlp/swiglu.h"
#include "kernels/mlp/swiglu_element.h"

namespace ropeway {
namespace {

template <typename T>
ROPEWAY_HOST_DEVICE void forward_row(const T* gate, const T* up, int64_t width, T* out) {
#pragma omp simd
  for (int64_t i = 0; i < width; ++i) {
    store_element(out + i, swiglu_value(load_element(gate + i), load_element(up + i)));
  }
}

template <typename T>
ROPEWAY_HOST_DEVICE void backward_row(const T* d_out, const T* gate, const T* up, int64_t width, T* d_gate,
                                      T* d_up) {
#pragma omp simd
  for (int64_t i = 0; i < width; ++i) {
    accumulation_t<T> d_gate_i, d_up_i;
    swiglu_gradient(load_element(d_out + i), load_element(gate + i), load_element(up + i), d_gate_i, d_up_i);
    store_element(d_gate + i, d_gate_i);
    store_element(d_up + i, d_up_i);
  }
}

}  // namespace

template <typename T>
void swiglu_forward(const T* gate_up, int64_t gate_up_stride, int64_t rows, int64_t width, T* out,
                    int64_t out_stride) {
  with_widest_vectors([=](auto) ROPEWAY_VECTOR_BODY {
    for (int64_t r = 0; r < rows; ++r) {
      const T* const gate = row_pointer(gate_up, r, gate_up_stride);
      forward_row(gate, gate + width, width, row_pointer(out, r, out_stride));
    }
  });
}

template <typename T>
void swiglu_backward(const T* d_out, int64_t d_out_stride, const T* gate_up, int64_t gate_up_stride,
                     int64_t rows, int64_t width, T* d_gate_up, int64_t d_gate_up_stride) {
  with_widest_vectors([=](auto) ROPEWAY_VECTOR_BODY {
    for (int64_t r = 0; r < rows; ++r) {
      const T* const gate = row_pointer(gate_up, r, gate_up_stride);
      T* const d_gate = row_pointer(d_gate_up, r, d_gate_up_stride);
      backward_row(row_pointer(d_out, r, d_out_stride), gate, gate + width, width, d_gate, d_gate + width);
    }
  });
}

#define ROPEWAY_INSTANTIATE(T)                                                       \
  template void swiglu_forward<T>(const T*, int64_t, int64_t, int64_t, T*, int64_t); \
  template void swiglu_backward<T>(const T*, int64_t, const T*, int64_t, int64_t, int64_t, T*, int64_t);
ROPEWAY_INSTANTIATE(double)
ROPEWAY_INSTANTIATE(float)
ROPEWAY_INSTANTIATE(bfloat16)
#undef ROPEWAY_INSTANTIATE

}  // namespace ropeway
