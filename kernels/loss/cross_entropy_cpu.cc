// Cross-entropy rows on the CPU: maximum, exponentials and sum, gradient; a row of the tile stays
// in cache between.
#include "kernels/loss/cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/base/error.h"
#include "kernels/base/fast_exp.h"
#include "kernels/base/host_device.h"
#include "kernels/base/vector_dispatch.h"

namespace ropeway {
namespace {

template <typename Acc>
ROPEWAY_HOST_DEVICE Acc largest(const Acc* row, int64_t count) {
  Acc top = -std::numeric_limits<Acc>::infinity();
#pragma omp simd reduction(max : top)
  for (int64_t i = 0; i < count; ++i) top = row[i] > top ? row[i] : top;
  return top;
}

// Terms of a softmax's denominator added in acc type before they join the total in double. In one chain
// of float additions per vector lane, a vocabulary of 128K with widely spread logits loses 1e-5 of it
// (2e-4 without vectors).
constexpr int64_t kTermsPerPartialSum = 256;

// Replaces z by exp(z - top) and returns their sum.
template <typename Acc>
ROPEWAY_HOST_DEVICE Acc exponentials_of_part(Acc* row, int64_t count, Acc top) {
  Acc sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < count; ++i) {
    const Acc e = bounded_exp(row[i] - top);
    row[i] = e;
    sum += e;
  }
  return sum;
}

template <typename Acc>
ROPEWAY_HOST_DEVICE double exponentials(Acc* row, int64_t count, Acc top) {
  double sum = 0;
  for (int64_t begin = 0; begin < count; begin += kTermsPerPartialSum) {
    sum += exponentials_of_part(row + begin, std::min(kTermsPerPartialSum, count - begin), top);
  }
  return sum;
}

template <typename Acc>
ROPEWAY_HOST_DEVICE void multiply(Acc* row, int64_t count, Acc factor) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) row[i] *= factor;
}

template <typename Acc>
ROPEWAY_HOST_DEVICE bool is_first_of(const Acc* row, int64_t label, Acc top) {
  if (row[label] != top) return false;
  for (int64_t i = 0; i < label; ++i) {
    if (row[i] == top) return false;
  }
  return true;
}

template <typename Acc>
ROPEWAY_HOST_DEVICE void all_rows(const CrossEntropyRows<Acc>& call) {
  for (int64_t r = 0; r < call.rows; ++r) {
    Acc* const row = call.logits + r * call.vocab;
    const int64_t label = call.labels[r];
    if (label == kIgnoredLabel) {
      call.nll[r] = 0;
      call.correct[r] = false;
      if (call.gradient) std::fill(row, row + call.vocab, Acc(0));
      continue;
    }
    const Acc top = largest(row, call.vocab);
    const Acc label_logit = row[label];
    call.correct[r] = is_first_of(row, label, top);
    const double sum = exponentials(row, call.vocab, top);
    call.nll[r] = static_cast<Acc>(std::log(sum) + (static_cast<double>(top) - label_logit));
    if (call.gradient) {
      const Acc factor = static_cast<Acc>(call.scale) * (call.weights ? call.weights[r] : Acc(1));
      multiply(row, call.vocab, static_cast<Acc>(factor / sum));
      row[label] -= factor;
    }
  }
}

}  // namespace

template <typename Acc>
void cross_entropy_rows(const CrossEntropyRows<Acc>& call) {
  ROPEWAY_CHECK(!call.gradient || call.gradient == call.logits, "the gradient takes the place of the logits");
  const CrossEntropyRows<Acc>* const c = &call;
  with_widest_vectors([=](auto) ROPEWAY_VECTOR_BODY { all_rows(*c); });
}

template void cross_entropy_rows<double>(const CrossEntropyRows<double>&);
template void cross_entropy_rows<float>(const CrossEntropyRows<float>&);

}  // namespace ropeway
