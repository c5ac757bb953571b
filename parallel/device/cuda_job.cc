#include "parallel/device/cuda_job.h"

#include "kernels/base/log.h"
#include "kernels/ops/cuda_backend.h"
#include "parallel/comm/device_of_one.h"
#include "parallel/comm/mpi_session.h"
#include "parallel/comm/nccl_collectives.h"
#include "parallel/comm/nccl_library.h"
#include "parallel/comm/nccl_ring.h"

namespace ropeway {
namespace {

DeviceSeat seat_of(const MpiSession& session) {
  return {.host = session.host_name(),
          .local_rank = session.local_rank(),
          .devices = visible_devices(),
          .why_none = ops::why_no_cuda(),
          .architectures = built_architectures()};
}

}  // namespace

CudaJob::CudaJob(MpiSession& session, const NcclOptions& limits)
    : CudaJob(session.world(), seat_of(session), limits) {}

CudaJob::CudaJob(Communicator& world, const DeviceSeat& seat, const NcclOptions& limits)
    : world_(world),
      nccl_options_(limits),
      info_(choose_device(world, seat)),
      device_(ops::use_cuda_device(info_.index)),
      queues_(make_device_queues(info_.index)) {
  nccl_options_.end_job = [&world](int exit_code) { world.abort(exit_code); };
}

CudaJob::~CudaJob() {
  if (nccl_ && exceptions_.passing()) NcclSession::abandon(std::move(nccl_));
}

NcclSession& CudaJob::nccl() {
  if (!nccl_) {
    NcclApi& api = nccl_library();
    log_info("NCCL {} between {} ranks", api.version(), world_.size());
    nccl_ = std::make_unique<NcclSession>(api, *queues_, nccl_options_);
  }
  return *nccl_;
}

RingLinks CudaJob::ring_links(Communicator& group) {
  if (group.size() > 1) return nccl_ring_links(nccl(), group, current_stream());
  const auto link = ring_link_over(make_device_of_one(*queues_, current_stream()));
  return {link, link};
}

std::shared_ptr<Collectives> CudaJob::collectives(Communicator& group) {
  return group.size() > 1 ? nccl_collectives(nccl(), group, current_stream())
                          : make_device_of_one(*queues_, current_stream());
}

CurrentStream CudaJob::current_stream() const {
  return [device = device_] { return ops::current_cuda_stream(device); };
}

void CudaJob::check() {
  if (nccl_) nccl_->check();
}

void CudaJob::close() {
  if (nccl_) nccl_->close();
}

c10::Device device_of(const CudaJob* gpus) { return gpus ? gpus->device() : c10::Device(c10::kCPU); }

RingLinks ring_links_of(CudaJob* gpus, Communicator& group) {
  return gpus ? gpus->ring_links(group) : host_ring_links(group);
}

std::shared_ptr<Collectives> collectives_of(CudaJob* gpus, Communicator& group) {
  return gpus ? gpus->collectives(group) : unowned(group);
}

}  // namespace ropeway
