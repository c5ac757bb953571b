// The heads of one token are rows of RMSNorm that lie side by side.
#include "kernels/norm/head_norm.h"
#include "kernels/norm/rms_norm.h"

namespace ropeway {

template <typename T>
void head_norm_forward(const T* x, int64_t x_token_stride, const T* weight, double eps,
                       const HeadNormShape& shape, T* y, int64_t y_token_stride, accumulation_t<T>* rstd) {
  for (int64_t t = 0; t < shape.tokens; ++t) {
    rms_norm_forward<T>(row_pointer(x, t, x_token_stride), shape.head_dim, weight, eps, shape.heads,
                        shape.head_dim, row_pointer(y, t, y_token_stride), shape.head_dim,
                        row_pointer(rstd, t, shape.heads));
  }
}

template <typename T>
void head_norm_backward(const HeadNormGradient<T>& call) {
  const auto& [tokens, heads, head_dim] = call.shape;
  for (int64_t t = 0; t < tokens; ++t) {
    T* const dy = row_pointer(call.dy, t, call.dy_token_stride);
    rms_norm_backward<T>({.dy = dy,
                          .dy_stride = head_dim,
                          .x = row_pointer(call.x, t, call.x_token_stride),
                          .x_stride = head_dim,
                          .weight = call.weight,
                          .rstd = row_pointer(call.rstd, t, heads),
                          .rows = heads,
                          .channels = head_dim,
                          .dx = dy,
                          .dx_stride = head_dim,
                          .accumulate = false,
                          .grad_weight = call.grad_weight});
  }
}

#define ROPEWAY_INSTANTIATE(T)                                                                               \
  template void head_norm_forward<T>(const T*, int64_t, const T*, double, const HeadNormShape&, T*, int64_t, \
                                     accumulation_t<T>*);                                                    \
  template void head_norm_backward<T>(const HeadNormGradient<T>&);
ROPEWAY_INSTANTIATE(double)
ROPEWAY_INSTANTIATE(float)
ROPEWAY_INSTANTIATE(bfloat16)
#undef ROPEWAY_INSTANTIATE

}  // namespace ropeway
