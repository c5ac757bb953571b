#include "parallel/comm/nccl_group.h"

#include "parallel/comm/nccl_channel.h"

namespace ropeway {

DeviceGroup::DeviceGroup(NcclSession& session, Communicator& group)
    : channel_(session.join(group, "collectives")) {}

int DeviceGroup::rank() const { return channel_->rank(); }
int DeviceGroup::size() const { return channel_->size(); }
void DeviceGroup::check() { channel_->check(); }

void DeviceGroup::all_reduce(void* data, int64_t count, DType dtype, ReduceOp op, CudaStream compute) {
  channel_->follow(compute,
                   channel_->queue(compute, [=](NcclApi& api, NcclApi::Comm comm, CudaStream stream) {
                     api.all_reduce(data, count, dtype, op, comm, stream);
                   }));
}

void DeviceGroup::broadcast(void* data, int64_t bytes, int root, CudaStream compute) {
  channel_->follow(compute,
                   channel_->queue(compute, [=](NcclApi& api, NcclApi::Comm comm, CudaStream stream) {
                     api.broadcast(data, bytes, root, comm, stream);
                   }));
}

void DeviceGroup::all_gather(const void* send, void* recv, int64_t bytes_per_rank, CudaStream compute) {
  channel_->follow(compute,
                   channel_->queue(compute, [=](NcclApi& api, NcclApi::Comm comm, CudaStream stream) {
                     api.all_gather(send, recv, bytes_per_rank, comm, stream);
                   }));
}

}  // namespace ropeway
