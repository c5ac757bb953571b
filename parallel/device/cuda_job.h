// The GPUs of a job: which one this rank works on, and what joins the ranks on them. How the trainer uses it:
//
//   MpiSession session;
//   CudaJob gpus(session);                                   // all ranks; refuses what cannot run
//   Mesh mesh(session.world(), shape);
//   RingAttention ring(mesh.group(Axis::kSequence), gpus.ring_links(mesh.group(Axis::kSequence)), placement);
//   auto exchange = gpus.collectives(session.world());       // the verbs in device memory
//   ShardedAdamW optimizer(*exchange, weights, gradients, ...);
//   ... tensors on gpus.device(); gpus.check() when results are in host memory, before they are used ...
//   ops::attention_self_check(gpus.device(), gpus.info().name, shape, expected);
//   gpus.close();                                            // when all has gone well
//
// What lies in host memory still goes over MPI.
#pragma once

#include <c10/core/Device.h>

#include "kernels/base/exception_watch.h"
#include "parallel/comm/device_queues.h"
#include "parallel/comm/nccl_session.h"
#include "parallel/comm/ring_link.h"
#include "parallel/device/device_choice.h"

namespace ropeway {

class MpiSession;

class CudaJob {
 public:
  // Collective over the world. Loads libtorch's CUDA half and makes the chosen GPU current for the calling
  // thread. Throws kLauncher on every rank, with a table of ranks, hosts and devices, when the ranks and the
  // GPUs do not fit. limits: NCCL's time limits; limits.end_job is set here, to the world's abort().
  explicit CudaJob(MpiSession& session, const NcclOptions& limits = {});
  // The same with the rank's place and devices given; world must outlive the job.
  CudaJob(Communicator& world, const DeviceSeat& seat, const NcclOptions& limits = {});
  ~CudaJob();  // waits for no other rank, and while an exception passes for nothing at all

  c10::Device device() const { return device_; }
  const DeviceInfo& info() const { return info_; }

  // Collective over `group`, in device memory, on the current stream: over NCCL, which is loaded when it is
  // first needed, or copies where the group is one rank. To be destroyed before the job is.
  RingLinks ring_links(Communicator& group);
  std::shared_ptr<Collectives> collectives(Communicator& group);

  void check();  // throws kPeer if NCCL has failed: what came from the GPU since may be anything
  void close();  // collective: leaves NCCL in good order; everything queued is done or will be

 private:
  NcclSession& nccl();
  CurrentStream current_stream() const;

  Communicator& world_;
  NcclOptions nccl_options_;
  DeviceInfo info_;
  c10::Device device_;
  std::unique_ptr<DeviceQueues> queues_;
  std::unique_ptr<NcclSession> nccl_;
  const ExceptionWatch exceptions_;
};

// The same for a job that may run on CPUs, where `gpus` is null: host memory, and the group
// itself, which must then outlive what is returned.
c10::Device device_of(const CudaJob* gpus);
RingLinks ring_links_of(CudaJob* gpus, Communicator& group);
std::shared_ptr<Collectives> collectives_of(CudaJob* gpus, Communicator& group);

}  // namespace ropeway
