// SwiGLU on the CPU: one pass, vectorised along the row.
#include "kernels/mlp/swiglu.h"

#include "kernels/base/vector_dispatch.h"
#include "kernels/mlp/swiglu_element.h"

namespace ropeway {
namespace {

template <GateActivation activation, typename T>
ROPEWAY_HOST_DEVICE void forward_row(const T* gate, const T* up, int64_t width, T* out) {
#pragma omp simd
  for (int64_t i = 0; i < width; ++i) {
    store_element(out + i, gated_value<activation>(load_element(gate + i), load_element(up + i)));
  }
}

template <GateActivation activation, typename T>
ROPEWAY_HOST_DEVICE void backward_row(const T* d_out, const T* gate, const T* up, int64_t width, T* d_gate,
                                      T* d_up) {
#pragma omp simd
  for (int64_t i = 0; i < width; ++i) {
    accumulation_t<T> d_gate_i, d_up_i;
    gated_gradient<activation>(load_element(d_out + i), load_element(gate + i), load_element(up + i),
                               d_gate_i, d_up_i);
    store_element(d_gate + i, d_gate_i);
    store_element(d_up + i, d_up_i);
  }
}

}  // namespace

template <typename T>
void swiglu_forward(const SwigluForward<T>& call) {
  const SwigluForward<T>* const c = &call;
  with_activation(
      call.activation, [c]<GateActivation activation>(std::integral_constant<GateActivation, activation>) {
        with_widest_vectors([=](auto) ROPEWAY_VECTOR_BODY {
          for (int64_t r = 0; r < c->rows; ++r) {
            const T* const gate = row_pointer(c->gate_up, r, c->gate_up_stride);
            forward_row<activation>(gate, gate + c->width, c->width, row_pointer(c->out, r, c->out_stride));
          }
        });
      });
}

template <typename T>
void swiglu_backward(const SwigluBackward<T>& call) {
  const SwigluBackward<T>* const c = &call;
  with_activation(call.activation,
                  [c]<GateActivation activation>(std::integral_constant<GateActivation, activation>) {
                    with_widest_vectors([=](auto) ROPEWAY_VECTOR_BODY {
                      for (int64_t r = 0; r < c->rows; ++r) {
                        const T* const gate = row_pointer(c->gate_up, r, c->gate_up_stride);
                        T* const d_gate = row_pointer(c->d_gate_up, r, c->d_gate_up_stride);
                        backward_row<activation>(row_pointer(c->d_out, r, c->d_out_stride), gate,
                                                 gate + c->width, c->width, d_gate, d_gate + c->width);
                      }
                    });
                  });
}

#define ROPEWAY_INSTANTIATE(T)                              \
  template void swiglu_forward<T>(const SwigluForward<T>&); \
  template void swiglu_backward<T>(const SwigluBackward<T>&);
ROPEWAY_FOR_ACTIVATION_TYPES(ROPEWAY_INSTANTIATE)
#undef ROPEWAY_INSTANTIATE

}  // namespace ropeway
