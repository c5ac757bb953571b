// Copies of tensors in host memory, over and over into the same memory: what a checkpoint is written from while the
// originals change.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace ropeway {

class HostCopies {
 public:
  void start_over();
  // Contiguous tensors, good until start_over(). What is part of a tensor that was copied before is not copied again.
  at::Tensor copy(const at::Tensor& tensor);
  // Host memory that copies of these, made in this order after start_over(), take beyond what earlier ones
  // have.
  int64_t bytes_to_take(const std::vector<at::Tensor>& tensors) const;
  bool finite() const { return finite_; }  // every number copied since start_over()

 private:
  struct Copied {
    at::Tensor original, copy;
  };
  void fill(const at::Tensor& from, const at::Tensor& to);

  std::vector<Copied> copied_;      // since start_over()
  std::vector<at::Tensor> memory_;  // of this and earlier copies, in their order
  bool finite_ = true;
};

}  // namespace ropeway
