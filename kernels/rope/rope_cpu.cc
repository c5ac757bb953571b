// RoPE on the CPU: one pass over the rows, vectorised over the pairs of a head.
#include "kernels/rope/rope.h"

#include <vector>

#include "kernels/base/vector_dispatch.h"
#include "kernels/rope/rotate_pair.h"

namespace ropeway {
namespace {

template <bool transposed, bool interleaved, typename T, typename Acc>
ROPEWAY_HOST_DEVICE void rotate_head(T* head, const Acc* cos, const Acc* sin, int64_t pairs) {
  constexpr int64_t kStep = interleaved ? 2 : 1;
  const int64_t apart = interleaved ? 1 : pairs;
#pragma omp simd
  for (int64_t i = 0; i < pairs; ++i) {
    const Acc x1 = load_element(head + kStep * i), x2 = load_element(head + kStep * i + apart);
    Acc y1, y2;
    if constexpr (transposed) {
      rotate_pair_transposed(x1, x2, cos[i], sin[i], y1, y2);
    } else {
      rotate_pair(x1, x2, cos[i], sin[i], y1, y2);
    }
    store_element(head + kStep * i, y1);
    store_element(head + kStep * i + apart, y2);
  }
}

template <bool transposed, bool interleaved, typename T>
void rotate_pairs(T* x, const accumulation_t<T>* cos, const accumulation_t<T>* sin, const RopeShape& shape) {
  const int64_t pairs = shape.rotary_dim / 2;
  with_widest_vectors([=](auto) ROPEWAY_VECTOR_BODY {
    for (int64_t t = 0; t < shape.tokens; ++t) {
      T* const row = row_pointer(x, t, shape.token_stride);
      for (int64_t h = 0; h < shape.heads; ++h) {
        rotate_head<transposed, interleaved>(row + h * shape.head_dim, row_pointer(cos, t, pairs),
                                             row_pointer(sin, t, pairs), pairs);
      }
    }
  });
}

template <bool transposed, typename T>
void rotate(T* x, const accumulation_t<T>* cos, const accumulation_t<T>* sin, const RopeShape& shape) {
  shape.interleaved ? rotate_pairs<transposed, true>(x, cos, sin, shape)
                    : rotate_pairs<transposed, false>(x, cos, sin, shape);
}

// d loss / d phi of one head, added to phi_gradient; returns the head's share of the temperature gradient.
template <typename T>
ROPEWAY_HOST_DEVICE double add_head_gradient(const T* y, const T* dy, int64_t pairs, int64_t step,
                                             int64_t apart, double* phi_gradient) {
  double temperature = 0;
#pragma omp simd reduction(+ : temperature)
  for (int64_t i = 0; i < pairs; ++i) {
    const double y1 = load_element(y + step * i), y2 = load_element(y + step * i + apart);
    const double g1 = load_element(dy + step * i), g2 = load_element(dy + step * i + apart);
    phi_gradient[i] += g2 * y1 - g1 * y2;
    temperature += g1 * y1 + g2 * y2;
  }
  return temperature;
}

ROPEWAY_HOST_DEVICE void fold_token(double* phi_gradient, const double* angles, int64_t pairs, double* sum) {
#pragma omp simd
  for (int64_t i = 0; i < pairs; ++i) {
    sum[i] -= angles[i] * phi_gradient[i];
    phi_gradient[i] = 0;
  }
}

}  // namespace

template <typename T>
void rope_forward(T* x, const accumulation_t<T>* cos, const accumulation_t<T>* sin, const RopeShape& shape) {
  rotate<false>(x, cos, sin, shape);
}

template <typename T>
void rope_backward(T* dy, const accumulation_t<T>* cos, const accumulation_t<T>* sin,
                   const RopeShape& shape) {
  rotate<true>(dy, cos, sin, shape);
}

template <typename T>
void rope_factor_gradient(const RopeFactorGradient<T>& call) {
  const int64_t pairs = call.shape.rotary_dim / 2;
  std::vector<double> phi_buffer(pairs, 0.0), sum_buffer(pairs, 0.0);
  double* const phi_gradient = phi_buffer.data();
  double* const sum = sum_buffer.data();
  double temperature = 0;
  double* const temperature_out = &temperature;
  const RopeFactorGradient<T>* const c = &call;
  with_widest_vectors([=](auto) ROPEWAY_VECTOR_BODY {
    for (int64_t t = 0; t < c->shape.tokens; ++t) {
      if (!c->scaled[t]) continue;
      const T* const y = row_pointer(c->y, t, c->shape.token_stride);
      const T* const dy = row_pointer(c->dy, t, c->dy_token_stride);
      for (int64_t h = 0; h < c->shape.heads; ++h) {
        const int64_t head = h * c->shape.head_dim;
        *temperature_out +=
            add_head_gradient(y + head, dy + head, pairs, c->shape.step(), c->shape.apart(), phi_gradient);
      }
      fold_token(phi_gradient, row_pointer(c->angles, t, pairs), pairs, sum);
    }
  });
  for (int64_t i = 0; i < pairs; ++i) call.grad_log_factors[i] += sum[i];
  *call.grad_log_temperature += temperature;
}

#define ROPEWAY_INSTANTIATE(T)                                                                              \
  template void rope_forward<T>(T*, const accumulation_t<T>*, const accumulation_t<T>*, const RopeShape&);  \
  template void rope_backward<T>(T*, const accumulation_t<T>*, const accumulation_t<T>*, const RopeShape&); \
  template void rope_factor_gradient<T>(const RopeFactorGradient<T>&);
ROPEWAY_FOR_ACTIVATION_TYPES(ROPEWAY_INSTANTIATE)
#undef ROPEWAY_INSTANTIATE

}  // namespace ropeway
