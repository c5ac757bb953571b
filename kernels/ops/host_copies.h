// Copies between tensors and host memory that run beside computation: on CUDA a stream of their own, ordered
// against the computing one by events, without a host thread ever waiting. On the CPU a copy is made at once.
//
// All copies of one object happen in the order they were started. What is read must not change before the
// copy is done, what is written must not be used before: compute_after() says so to the computing stream.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

namespace ropeway::ops {

class HostCopies {
 public:
  using Ticket = int64_t;  // of a copy, counted up
  virtual ~HostCopies() = default;

  // [bytes] U8, content undefined; pinned where the device wants it. Throws Error (kMemory) when
  // the host has no more.
  virtual at::Tensor host_memory(int64_t bytes) = 0;
  // to = from, of one size and type, both contiguous. The copy begins when all that has been queued for
  // computation so far is done, so a tensor may be written over as soon as its last use is queued.
  virtual Ticket start(const at::Tensor& from, const at::Tensor& to) = 0;
  // What is queued for computation from here on begins after that copy and the ones before it.
  virtual void compute_after(Ticket ticket) = 0;
};

std::unique_ptr<HostCopies> make_host_copies(c10::Device device);

// Bytes of host memory that can be had without swapping, within the limits of this process's control group
// and address space. Pinned memory beyond it is not refused: the kernel kills processes until it is there.
int64_t available_host_bytes();
// Of memory, as seen from within this process's control group; 0: none.
int64_t control_group_limit();

// Defined with CUDA's sources, or by their stand-in.
std::unique_ptr<HostCopies> make_cuda_host_copies(c10::Device device);

}  // namespace ropeway::ops
