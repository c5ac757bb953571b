// AdamW and the sum of squares on the CPU: one pass each.
#include "kernels/optim/adamw.h"

#include <algorithm>

#include "kernels/base/vector_dispatch.h"
#include "kernels/optim/adamw_element.h"

namespace ropeway {
namespace {

template <bool separate_weight, typename T, typename Acc, typename M>
ROPEWAY_HOST_DEVICE void adamw_loop(const AdamWArrays<T, Acc, M>& arrays, AdamWCoefficients<Acc> k) {
  const auto [master, moment1, moment2, gradient, weight, count] = arrays;
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    Acc p = master[i], m = load_element(moment1 + i), v = load_element(moment2 + i);
    adamw_element(p, m, v, gradient[i], k);
    master[i] = p;
    store_element(moment1 + i, static_cast<accumulation_t<M>>(m));
    store_element(moment2 + i, static_cast<accumulation_t<M>>(v));
    if constexpr (separate_weight) store_element(weight + i, static_cast<accumulation_t<T>>(p));
  }
}

// Elements summed in one go; the partial sums are then added in order.
constexpr int64_t kChunk = 4096;

template <typename T>
ROPEWAY_HOST_DEVICE double chunk_sum_of_squares(const T* values, int64_t count) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < count; ++i) {
    const double value = load_element(values + i);
    sum += value * value;
  }
  return sum;
}

}  // namespace

template <typename T, typename Acc, typename M>
void adamw(const AdamWArrays<T, Acc, M>& arrays, const AdamWStep& step) {
  const AdamWCoefficients<Acc> k = adamw_coefficients<Acc>(step);
  const bool separate = static_cast<const void*>(arrays.weight) != static_cast<const void*>(arrays.master);
  with_widest_vectors([=](auto) ROPEWAY_VECTOR_BODY {
    separate ? adamw_loop<true>(arrays, k) : adamw_loop<false>(arrays, k);
  });
}

template <typename T>
double sum_of_squares(const T* values, int64_t count) {
  double total = 0;
  double* const out = &total;
  with_widest_vectors([=](auto) ROPEWAY_VECTOR_BODY {
    for (int64_t begin = 0; begin < count; begin += kChunk) {
      *out += chunk_sum_of_squares(values + begin, std::min(kChunk, count - begin));
    }
  });
  return total;
}

#define ROPEWAY_INSTANTIATE(T, Acc, M) \
  template void adamw<T, Acc, M>(const AdamWArrays<T, Acc, M>&, const AdamWStep&);
ROPEWAY_INSTANTIATE(double, double, double)
ROPEWAY_INSTANTIATE(float, double, double)
ROPEWAY_INSTANTIATE(bfloat16, double, double)
ROPEWAY_INSTANTIATE(double, float, float)
ROPEWAY_INSTANTIATE(float, float, float)
ROPEWAY_INSTANTIATE(bfloat16, float, float)
ROPEWAY_INSTANTIATE(float, float, bfloat16)
ROPEWAY_INSTANTIATE(bfloat16, float, bfloat16)
#undef ROPEWAY_INSTANTIATE
template double sum_of_squares<double>(const double*, int64_t);
template double sum_of_squares<float>(const float*, int64_t);
template double sum_of_squares<bfloat16>(const bfloat16*, int64_t);

}  // namespace ropeway
