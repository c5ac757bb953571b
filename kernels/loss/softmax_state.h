// The state of a softmax over the part of a row that has been read: the maximum, the column where it first
// occurs, and the denominator relative to it (Milakov & Gimelshein, "Online normalizer calculation
// for softmax", 2018).
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/base/fast_exp.h"
#include "kernels/base/host_device.h"

namespace ropeway {

// sum = sum of exp(z - top), in double: over a vocabulary of 128K a chain in float would lose 1e-5 of it.
template <typename Acc>
struct SoftmaxState {
  double sum;
  int64_t first;
  Acc top;
};

template <typename Acc>
ROPEWAY_HOST_DEVICE SoftmaxState<Acc> empty_softmax() {
  return {0.0, INT64_MAX, -static_cast<Acc>(INFINITY)};
}

// Takes in the n logits that start at column `begin`. NaN leaves the maximum and makes the sum NaN.
template <int n, typename Acc>
ROPEWAY_HOST_DEVICE void add_logits(SoftmaxState<Acc>& state, const Acc (&z)[n], int64_t begin) {
  Acc top = state.top;
  for (int k = 0; k < n; ++k) {
    if (z[k] > top) {
      top = z[k];
      state.first = begin + k;
    }
  }
  if (top > state.top) {
    state.sum *= static_cast<double>(bounded_exp(state.top - top));
    state.top = top;
  }
  Acc part = 0;
  for (int k = 0; k < n; ++k) part += bounded_exp(z[k] - top);
  state.sum += static_cast<double>(part);
}

// The state of both parts together; commutative to the last bit.
struct JoinSoftmax {
  template <typename Acc>
  ROPEWAY_HOST_DEVICE SoftmaxState<Acc> operator()(const SoftmaxState<Acc>& a,
                                                   const SoftmaxState<Acc>& b) const {
    const bool a_leads = a.top > b.top || (a.top == b.top && a.first <= b.first);
    const Acc top = a_leads ? a.top : b.top, behind = a_leads ? b.top : a.top;
    const double sum = a_leads ? a.sum : b.sum, added = a_leads ? b.sum : a.sum;
    // Equal maxima may both be -inf, whose difference is NaN.
    const double share = behind == top ? 1.0 : static_cast<double>(bounded_exp(behind - top));
    return {sum + added * share, a_leads ? a.first : b.first, top};
  }
};

}  // namespace ropeway
