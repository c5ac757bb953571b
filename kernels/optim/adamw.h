// AdamW (Loshchilov & Hutter, "Decoupled weight decay regularization", 2019) on flat arrays, in
// the form PyTorch uses:
//   p *= 1 - lr * decay;  m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2
//   p -= lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps)
// and the sum of squares that gradient clipping needs.
#pragma once

#include <cstdint>

#include "kernels/base/element.h"

namespace ropeway {

struct AdamWStep {
  double learning_rate = 1e-3, beta1 = 0.9, beta2 = 0.95, eps = 1e-8, weight_decay = 0.0;
  double gradient_scale = 1.0;  // multiplies the gradient before anything else
  int64_t step = 1;             // counts from 1
};

// Acc is double or float, T the weights' type, M the moments': Acc, or bfloat16 to save 4 bytes per parameter
// (next to an F32 master; use it with beta2 up to about 0.99: a relative change of moment2 below 2^-9 is lost
// in rounding). The result of an element depends on that element alone.
template <typename T, typename Acc, typename M>
struct AdamWArrays {
  Acc* master = nullptr;
  M *moment1 = nullptr, *moment2 = nullptr;
  const Acc* gradient = nullptr;
  T* weight = nullptr;  // gets the rounded master; may be master itself
  int64_t count = 0;    // elements of each
};
template <typename T, typename Acc, typename M>
void adamw(const AdamWArrays<T, Acc, M>& arrays, const AdamWStep& step);

// Sum of squares in double. The order of additions depends on nothing but the count.
template <typename T>
double sum_of_squares(const T* values, int64_t count);

}  // namespace ropeway
