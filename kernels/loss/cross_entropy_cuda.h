// cross_entropy.h on CUDA: the same maths, with pointers of the device; work is queued on a stream.
#pragma once

#include "kernels/base/cuda_stream.h"
#include "kernels/base/element.h"
#include "kernels/loss/cross_entropy.h"

namespace ropeway::cuda {

// As CrossEntropyRows, except that the logits stay as they are unless the gradient is written over them.
// G: the gradient's type, Acc, or bfloat16 with Acc = float, for matrix products on tensor cores; a gradient
// of another type than the logits needs memory of its own.
template <typename Acc, typename G>
struct CrossEntropyRows {
  const Acc* logits = nullptr;  // [rows, vocab], contiguous
  int64_t rows = 0, vocab = 0;
  const int64_t* labels = nullptr;  // [rows], kIgnoredLabel or 0 .. vocab-1 (checked by the caller)
  const Acc* weights = nullptr;     // [rows]; null: all 1
  double scale = 1.0;               // multiplies every gradient
  G* gradient = nullptr;            // [rows, vocab], may be the logits; null: none wanted
  Acc* nll = nullptr;               // [rows], written
  bool* correct = nullptr;          // [rows], written: the label is the first arg-max
};
// Bytes moved: sizeof(Acc) an element; with a gradient 2 x sizeof(Acc) + sizeof(G).
template <typename Acc, typename G>
void cross_entropy_rows(const CrossEntropyRows<Acc, G>& call, CudaStream stream);

}  // namespace ropeway::cuda
