#include "parallel/comm/device_of_one.h"

#include "kernels/base/error.h"

namespace ropeway {
namespace {

// The copy is on the stream on which its result is wanted.
class QueuedHop : public Hop {
 public:
  void wait() override {}
};

class DeviceOfOne : public Collectives {
 public:
  DeviceOfOne(DeviceQueues& device, CurrentStream current_stream)
      : device_(device), current_stream_(std::move(current_stream)) {}

  int rank() const override { return 0; }
  int size() const override { return 1; }

  void all_reduce(void*, int64_t, DType, ReduceOp) override {}
  void reduce_scatter(const void* send, void* recv, int64_t count, DType dtype, ReduceOp) override {
    copy(recv, send, count * bytes_of(dtype));
  }
  void all_gather(const void* send, void* recv, int64_t bytes) override { copy(recv, send, bytes); }
  void all_to_all(const void* send, void* recv, int64_t bytes) override { copy(recv, send, bytes); }
  void broadcast(void*, int64_t, int root) override {
    ROPEWAY_CHECK(root == 0, "broadcast from rank {} of 1", root);
  }
  std::unique_ptr<Hop> start_hop(const void* send, int to, void* recv, int from, int64_t bytes) override {
    ROPEWAY_CHECK(to == 0 && from == 0, "hop to rank {} and from rank {} of 1", to, from);
    copy(recv, send, bytes);
    return std::make_unique<QueuedHop>();
  }

 private:
  void copy(void* to, const void* from, int64_t bytes) {
    if (to != from && bytes > 0) device_.copy(to, from, bytes, current_stream_());
  }

  DeviceQueues& device_;
  CurrentStream current_stream_;
};

}  // namespace

std::shared_ptr<Collectives> make_device_of_one(DeviceQueues& device, CurrentStream current_stream) {
  return std::make_shared<DeviceOfOne>(device, std::move(current_stream));
}

}  // namespace ropeway
