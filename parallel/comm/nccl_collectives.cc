#include "parallel/comm/nccl_collectives.h"

#include "kernels/base/error.h"
#include "parallel/comm/exchange_ahead.h"
#include "parallel/comm/nccl_channel.h"

namespace ropeway {
namespace internal {
namespace {

class NcclHop : public Hop {
 public:
  NcclHop(std::shared_ptr<NcclChannel> channel, CudaStream compute, CudaEvent done)
      : channel_(std::move(channel)), compute_(compute), done_(done) {}
  void wait() override { channel_->follow(compute_, done_); }

 private:
  std::shared_ptr<NcclChannel> channel_;
  CudaStream compute_;
  CudaEvent done_;
};

class NcclCollectives : public Collectives, public ExchangesAhead {
 public:
  NcclCollectives(std::shared_ptr<NcclChannel> channel, CurrentStream current_stream)
      : channel_(std::move(channel)), current_stream_(std::move(current_stream)) {}

  int rank() const override { return channel_->rank(); }
  int size() const override { return channel_->size(); }
  void check() override { channel_->check(); }

  void all_reduce(void* data, int64_t count, DType dtype, ReduceOp op) override {
    run([=](NcclApi& api, NcclApi::Comm comm, CudaStream stream) {
      api.all_reduce(data, count, dtype, op, comm, stream);
    });
  }
  void reduce_scatter(const void* send, void* recv, int64_t count_per_rank, DType dtype,
                      ReduceOp op) override {
    start_reduce_scatter(send, recv, count_per_rank, dtype, op)->wait();
  }
  void all_gather(const void* send, void* recv, int64_t bytes_per_rank) override {
    start_all_gather(send, recv, bytes_per_rank)->wait();
  }
  std::unique_ptr<Hop> start_reduce_scatter(const void* send, void* recv, int64_t count_per_rank, DType dtype,
                                            ReduceOp op) override {
    return start([=](NcclApi& api, NcclApi::Comm comm, CudaStream stream) {
      api.reduce_scatter(send, recv, count_per_rank, dtype, op, comm, stream);
    });
  }
  std::unique_ptr<Hop> start_all_gather(const void* send, void* recv, int64_t bytes_per_rank) override {
    return start([=](NcclApi& api, NcclApi::Comm comm, CudaStream stream) {
      api.all_gather(send, recv, bytes_per_rank, comm, stream);
    });
  }
  // NCCL has a call of this name from 2.28 on; before, it is what its manual gives here.
  void all_to_all(const void* send, void* recv, int64_t bytes_per_rank) override {
    const int ranks = size();
    run([=](NcclApi& api, NcclApi::Comm comm, CudaStream stream) {
      for (int r = 0; r < ranks; ++r) {
        api.send(static_cast<const std::byte*>(send) + r * bytes_per_rank, bytes_per_rank, r, comm, stream);
        api.recv(static_cast<std::byte*>(recv) + r * bytes_per_rank, bytes_per_rank, r, comm, stream);
      }
    });
  }
  void broadcast(void* data, int64_t bytes, int root) override {
    ROPEWAY_CHECK(root >= 0 && root < size(), "broadcast from rank {} of {}", root, size());
    run([=](NcclApi& api, NcclApi::Comm comm, CudaStream stream) {
      api.broadcast(data, bytes, root, comm, stream);
    });
  }

  std::unique_ptr<Hop> start_hop(const void* send, int to, void* recv, int from, int64_t bytes) override {
    ROPEWAY_CHECK(to >= 0 && to < size() && from >= 0 && from < size(),
                  "hop to rank {} and from rank {} of {}", to, from, size());
    const CudaStream compute = current_stream_();
    return std::make_unique<NcclHop>(channel_, compute,
                                     channel_->queue_hop(compute, send, to, recv, from, bytes));
  }

 private:
  std::unique_ptr<Hop> start(const NcclChannel::Calls& calls) {
    const CudaStream compute = current_stream_();
    return std::make_unique<NcclHop>(channel_, compute, channel_->queue(compute, calls));
  }
  void run(const NcclChannel::Calls& calls) { start(calls)->wait(); }

  std::shared_ptr<NcclChannel> channel_;
  CurrentStream current_stream_;
};

}  // namespace

std::shared_ptr<Collectives> collectives_over(std::shared_ptr<NcclChannel> channel,
                                              CurrentStream current_stream) {
  return std::make_shared<NcclCollectives>(std::move(channel), std::move(current_stream));
}

}  // namespace internal

std::shared_ptr<Collectives> nccl_collectives(NcclSession& session, Communicator& group,
                                              CurrentStream current_stream) {
  return internal::collectives_over(session.join(group, "collectives"), std::move(current_stream));
}

}  // namespace ropeway
