// What follows the last block: final norm, output projection and loss, in tiles of tokens. The logits [T, V]
// never exist in full where losses are wanted.
//
// T = B * n local tokens, C hidden size, V vocabulary.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "kernels/ops/loss_ops.h"
#include "trainer/family/model_config.h"
#include "trainer/model/parameter_tensors.h"
#include "trainer/model/workspace.h"

namespace ropeway {

class Head {
 public:
  // tile_tokens: of the norm; loss_tile_tokens: of projection and loss.
  Head(const ModelConfig& config, int64_t tile_tokens, int64_t loss_tile_tokens);

  struct Scores {
    at::Tensor nll;      // [T] acc type, nats; 0 where the label is kIgnoredLabel
    at::Tensor correct;  // [T] bool: the label is the arg-max
  };
  // x [T, C]: the last block's result. labels [T] int64, in host memory.
  Scores score(const UnitTensors& weights, const at::Tensor& x, const at::Tensor& labels);

  // [T, V] acc type, for a few tokens x [T, C].
  at::Tensor logits(const UnitTensors& weights, const at::Tensor& x);

  // loss = scale * sum(weights * nll).
  struct Targets {
    at::Tensor labels;   // [T] int64, in host memory
    at::Tensor weights;  // [T] acc type; undefined: all 1
    double scale = 1;
  };
  // x [T, C]: the last block's result on entry, d loss / d x on return. Adds to gradients; undefined ones are
  // not formed. Returns sum(weights * nll), F64 without dimensions, where x is: nothing here waits for a GPU.
  at::Tensor backward(const UnitTensors& weights, const UnitTensors& gradients, const Targets& targets,
                      const at::Tensor& x);

 private:
  at::Tensor norm(const UnitTensors& weights, const at::Tensor& x_tile);

  const ModelConfig config_;
  const ops::LogitForm form_;
  const int64_t tile_tokens_, loss_tile_tokens_;
  Buffer x_, normed_, d_normed_, rstd_;  // a tile
};

}  // namespace ropeway
