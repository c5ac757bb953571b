// RMSNorm on the CPU: rows are independent, each stays in the first-level cache between its passes.
#include "kernels/norm/rms_norm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/base/vector_dispatch.h"

namespace ropeway {
namespace {

// Weight gradients of this many rows, or of the heads of a token if they are fewer, are summed apart before
// they join the total: shorter chains of additions.
constexpr int64_t kRowsPerPartialSum = 64;

template <typename T, typename Acc = accumulation_t<T>>
ROPEWAY_HOST_DEVICE Acc sum_of_row_squares(const T* x, int64_t channels) {
  Acc sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t c = 0; c < channels; ++c) {
    const Acc value = load_element(x + c);
    sum += value * value;
  }
  return sum;
}

template <typename T, typename Acc>
ROPEWAY_HOST_DEVICE void scale_row(const T* x, const T* weight, Acc offset, Acc rstd, int64_t channels,
                                   T* y) {
#pragma omp simd
  for (int64_t c = 0; c < channels; ++c) {
    store_element(y + c, load_element(x + c) * rstd * (load_element(weight + c) + offset));
  }
}

template <typename T, typename Acc = accumulation_t<T>>
ROPEWAY_HOST_DEVICE Acc weighted_dot(const T* dy, const T* x, const T* weight, Acc offset, int64_t channels) {
  Acc sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t c = 0; c < channels; ++c) {
    sum += load_element(dy + c) * load_element(x + c) * (load_element(weight + c) + offset);
  }
  return sum;
}

template <bool accumulate, bool with_weight, typename T, typename Acc>
ROPEWAY_HOST_DEVICE void gradient_row(const T* dy, const T* x, const T* weight, Acc offset, Acc rstd,
                                      Acc projection, int64_t channels, T* dx, Acc* weight_sum) {
#pragma omp simd
  for (int64_t c = 0; c < channels; ++c) {
    const Acc dy_c = load_element(dy + c), normed = load_element(x + c) * rstd;
    Acc result = rstd * (dy_c * (load_element(weight + c) + offset) - normed * projection);
    if constexpr (accumulate) result += load_element(dx + c);
    store_element(dx + c, result);
    if constexpr (with_weight) weight_sum[c] += dy_c * normed;
  }
}

template <typename Acc>
ROPEWAY_HOST_DEVICE void move_sum(Acc* from, int64_t channels, Acc* to) {
#pragma omp simd
  for (int64_t c = 0; c < channels; ++c) {
    to[c] += from[c];
    from[c] = 0;
  }
}

template <bool accumulate, bool with_weight, typename T, typename Acc>
ROPEWAY_HOST_DEVICE void backward_rows(const RmsNormBackward<T>& call, Acc* weight_sum) {
  const auto offset = static_cast<Acc>(call.offset);
  for (int64_t begin = 0, end = 0; begin < call.rows; begin = end) {
    end = std::min(begin + kRowsPerPartialSum, call.x_rows.group_end(begin, call.rows));
    for (int64_t r = begin; r < end; ++r) {
      const T* const dy = call.dy + call.dy_rows.offset(r);
      const T* const x = call.x + call.x_rows.offset(r);
      const Acc rstd = call.rstd[r];
      // mean(weight * dy * x) * rstd: what the row's own scale takes back along x * rstd.
      const Acc projection =
          weighted_dot(dy, x, call.weight, offset, call.channels) * rstd / static_cast<Acc>(call.channels);
      gradient_row<accumulate, with_weight>(dy, x, call.weight, offset, rstd, projection, call.channels,
                                            call.dx + call.dx_rows.offset(r), weight_sum);
    }
    if constexpr (with_weight) move_sum(weight_sum, call.channels, call.grad_weight);
  }
}

}  // namespace

template <typename T>
void rms_norm_forward(const RmsNormForward<T>& call) {
  using Acc = accumulation_t<T>;
  const RmsNormForward<T>* const c = &call;
  with_widest_vectors([=](auto) ROPEWAY_VECTOR_BODY {
    for (int64_t r = 0; r < c->rows; ++r) {
      const T* const x = c->x + c->x_rows.offset(r);
      const Acc mean = sum_of_row_squares(x, c->channels) / static_cast<Acc>(c->channels);
      const Acc rstd = Acc(1) / std::sqrt(mean + static_cast<Acc>(c->eps));
      scale_row(x, c->weight, static_cast<Acc>(c->offset), rstd, c->channels, c->y + c->y_rows.offset(r));
      c->rstd[r] = rstd;
    }
  });
}

template <typename T>
void rms_norm_backward(const RmsNormBackward<T>& call) {
  using Acc = accumulation_t<T>;
  std::vector<Acc> buffer(call.grad_weight ? call.channels : 0, Acc(0));
  Acc* const weight_sum = buffer.data();
  const RmsNormBackward<T>* const c = &call;
  with_widest_vectors([=](auto) ROPEWAY_VECTOR_BODY {
    if (c->grad_weight) {
      c->accumulate ? backward_rows<true, true>(*c, weight_sum) : backward_rows<false, true>(*c, weight_sum);
    } else {
      c->accumulate ? backward_rows<true, false>(*c, weight_sum)
                    : backward_rows<false, false>(*c, weight_sum);
    }
  });
}

#define ROPEWAY_INSTANTIATE(T)                                 \
  template void rms_norm_forward<T>(const RmsNormForward<T>&); \
  template void rms_norm_backward<T>(const RmsNormBackward<T>&);
ROPEWAY_FOR_ACTIVATION_TYPES(ROPEWAY_INSTANTIATE)
#undef ROPEWAY_INSTANTIATE

}  // namespace ropeway
