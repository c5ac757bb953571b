// Attention as the mesh has it: `heads` neighbours of a group share heads, over a ring of the others.
#pragma once

#include <memory>

#include "parallel/attention/make_attention.h"
#include "parallel/comm/mesh.h"

namespace ropeway::testing {

class MeshAttention : public SequenceAttention {
 public:
  MeshAttention(Communicator& group, int heads, Placement placement, int64_t chunk_multiple = 1,
                int head_groups = 1)
      : mesh_(group, {1, group.size(), heads}),
        attention_(make_attention(host_attention_groups(mesh_.group(Axis::kRing), mesh_.group(Axis::kHeads)),
                                  placement, chunk_multiple, head_groups)) {}

  Output forward(const SequenceLayout& layout, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                 const ScoreForm& score) override {
    return attention_->forward(layout, q, k, v, score);
  }
  Gradients backward(const SequenceLayout& layout, const at::Tensor& d_out, const at::Tensor& q,
                     const at::Tensor& k, const at::Tensor& v, const at::Tensor& out, const at::Tensor& lse,
                     const ScoreForm& score) override {
    return attention_->backward(layout, d_out, q, k, v, out, lse, score);
  }
  const SequenceSplit& split() const override { return attention_->split(); }
  int64_t bytes_sent() const override { return attention_->bytes_sent(); }

 private:
  Mesh mesh_;
  std::unique_ptr<SequenceAttention> attention_;
};

}  // namespace ropeway::testing
