// GPUs for a job: which one this rank works on, and what joins the ranks on them. The way in for the trainer:
//
//   MpiSession session;
//   CudaJob gpus(session);                                   // all ranks; refuses what cannot run
//   Mesh mesh(session.world(), shape);
//   RingAttention ring(mesh.group(Axis::kSequence), gpus.ring_links(mesh.group(Axis::kSequence)), placement);
//   auto exchange = gpus.device_group(session.world());      // all_reduce, broadcast on device memory
//   ShardedAdamW optimizer(session.world(), weights, gradients, mask, {.gpus = exchange.get()});
//   ... tensors on gpus.device(); gpus.check() when results are in host memory, before they are used ...
//   ops::attention_self_check(gpus.device(), gpus.info().name, shape, expected);
//   gpus.close();                                            // at the orderly end
//
// The host's data goes over MPI as before.
#pragma once

#include <c10/core/Device.h>

#include <exception>

#include "parallel/comm/device_queues.h"
#include "parallel/comm/mesh.h"
#include "parallel/comm/mpi_session.h"
#include "parallel/comm/nccl_group.h"
#include "parallel/device/device_choice.h"

namespace ropeway {

class CudaJob {
 public:
  // Collective over the world. Loads libtorch's CUDA half and makes the chosen GPU current for the calling
  // thread. Throws kLauncher on every rank, with a table of ranks, hosts and devices, when the ranks and the
  // GPUs do not fit. limits: of NCCL's times; who ends the job is known here.
  explicit CudaJob(MpiSession& session, const NcclOptions& limits = {});
  // As above, for what a rank says of itself; world must outlive the job.
  CudaJob(Communicator& world, const DeviceSeat& seat, const NcclOptions& limits = {});
  ~CudaJob();  // waits for no other rank, and while an exception passes for nothing at all

  c10::Device device() const { return device_; }
  const DeviceInfo& info() const { return info_; }

  // Collective over `group`: NCCL's links round it; NCCL is loaded with the first of them. A group of one
  // needs none: its links are never used, its device group is null. To be gone before the job is.
  RingLinks ring_links(Communicator& group);
  std::unique_ptr<DeviceGroup> device_group(Communicator& group);

  void check();  // throws kPeer if NCCL failed so far: what came from the GPU since may be anything
  void close();  // collective: takes leave of NCCL in good order, when everything queued is done or will be

 private:
  NcclSession& nccl();

  Communicator& world_;
  NcclOptions nccl_options_;
  DeviceInfo info_;
  c10::Device device_;
  std::unique_ptr<DeviceQueues> queues_;
  std::unique_ptr<NcclSession> nccl_;
  const int exceptions_at_start_ = std::uncaught_exceptions();
};

// The same for a job that may run on CPUs (null): host memory, chunks of any size, the
// group's own hops, no device group.
c10::Device device_of(const CudaJob* gpus);
int64_t chunk_multiple_of(const CudaJob* gpus);
RingLinks ring_links_of(CudaJob* gpus, Communicator& group);
std::unique_ptr<DeviceGroup> device_group_of(CudaJob* gpus, Communicator& group);

}  // namespace ropeway
