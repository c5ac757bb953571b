// Softmax cross-entropy on rows of logits z, and its gradient, which may be written over the logits:
//   nll = log(sum exp(z)) - z[label]
//   d (weight * nll) / d z = weight * (softmax(z) - onehot(label))
// Acc: double or float.
#pragma once

#include <cstdint>

namespace ropeway {

constexpr int64_t kIgnoredLabel = -100;  // not scored: nll 0, correct false, gradient 0

// G: the gradient's type: Acc, or on CUDA bfloat16 with Acc = float, for matrix products on tensor cores.
template <typename Acc, typename G = Acc>
struct CrossEntropyRows {
  Acc* logits = nullptr;  // [rows, vocab], contiguous; the CPU overwrites them even without a gradient
  int64_t rows = 0, vocab = 0;
  const int64_t* labels = nullptr;  // [rows], kIgnoredLabel or 0 .. vocab-1 (checked by the caller)
  const Acc* weights = nullptr;     // [rows]; null: all 1
  double scale = 1.0;               // multiplies every gradient
  // [rows, vocab], written; null: none wanted. On the CPU it is the logits' own place; on CUDA that or, for
  // another type than theirs, memory of its own.
  G* gradient = nullptr;
  Acc* nll = nullptr;       // [rows], written
  bool* correct = nullptr;  // [rows], written: the label is the first arg-max
};
template <typename Acc>
void cross_entropy_rows(const CrossEntropyRows<Acc>& call);

}  // namespace ropeway
