// AdamW (Loshchilov & Hutter, "Decoupled weight decay regularization", 2019) on flat arrays, in the form
// PyTorch uses:
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

// master, moment1, moment2, gradient, weight: `count` elements each; Acc is double or float, T the weights'
// type, M the moments': Acc, or bfloat16 to save 4 bytes a parameter (next to an F32 master; use it with
// beta2 up to about 0.99: a relative change of moment2 below 2^-9 is lost in rounding). weight gets the
// rounded master and may be master itself. The result of an element depends on that element alone.
template <typename T, typename Acc, typename M>
void adamw(Acc* master, M* moment1, M* moment2, const Acc* gradient, T* weight, int64_t count,
           const AdamWStep& step);

// Sum of squares in double. The order of additions depends on nothing but the count.
template <typename T>
double sum_of_squares(const T* values, int64_t count);

}  // namespace ropeway
