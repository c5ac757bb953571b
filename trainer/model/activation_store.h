// What a training step keeps of each block between forward and backward, and where. The engine fills a
// block's record in forward, seals it, and fetches it again in backward, in reverse order: a store may move
// sealed records elsewhere (host memory, on a side stream) and bring them back just before they are fetched.
// This one leaves them where they are, and uses the same memory in every step.
//
// T = B * n tokens of this rank, C hidden size, H query heads, K key/value heads, D head_dim, I intermediate
// size.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "trainer/family/model_config.h"
#include "trainer/model/workspace.h"

namespace ropeway {

struct BlockActivations {
  at::Tensor input;          // [T, C]: all that backward cannot do without
  at::Tensor attention_out;  // [B, n, H, D] with its log-sum-exp [B, H, n]; undefined: attention runs again
  at::Tensor lse;
  // Kept for blocks whose token-wise work is not repeated; undefined for the others.
  at::Tensor qkv;      // [T, (H + 2K) * D], rotated
  at::Tensor middle;   // [T, C]: the residual stream between attention and MLP
  at::Tensor gate_up;  // [T, 2 * I]; never of experts
};

class ActivationStore {
 public:
  virtual ~ActivationStore() = default;
  // Starts a step of `tokens` tokens. The token-wise results of the first `keep_blocks` blocks are to be
  // kept.
  virtual void begin_step(int64_t tokens, at::TensorOptions options, int64_t keep_blocks) = 0;
  // The block's record, its input (and qkv, middle, gate_up, where kept) ready to be written.
  virtual BlockActivations& open(int64_t layer) = 0;
  virtual void seal(int64_t layer) = 0;  // forward has finished with it
  virtual BlockActivations& fetch(int64_t layer) = 0;
  virtual void release(int64_t layer) = 0;  // backward has finished with it
  virtual int64_t peak_bytes() const = 0;   // of this step
};

class ResidentActivations : public ActivationStore {
 public:
  explicit ResidentActivations(const ModelConfig& config);
  void begin_step(int64_t tokens, at::TensorOptions options, int64_t keep_blocks) override;
  BlockActivations& open(int64_t layer) override;
  void seal(int64_t layer) override;
  BlockActivations& fetch(int64_t layer) override;
  void release(int64_t layer) override;
  int64_t peak_bytes() const override { return peak_bytes_; }

 private:
  struct Slot {
    BlockActivations tensors;
    Buffer input, qkv, middle, gate_up;
    int64_t bytes = 0;
  };
  ModelConfig config_;
  std::vector<Slot> slots_;
  int64_t tokens_ = 0, keep_blocks_ = 0;
  at::TensorOptions options_;
  int64_t bytes_ = 0, peak_bytes_ = 0;
};

}  // namespace ropeway
