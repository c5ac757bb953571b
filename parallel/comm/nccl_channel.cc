#include "parallel/comm/nccl_channel.h"

#include <cmath>
#include <utility>

#include "kernels/base/log.h"
#include "kernels/base/seconds_since.h"
#include "parallel/comm/progress_thread.h"
#include "parallel/comm/run_on_rank.h"

namespace ropeway::internal {

void NcclFailure::set(const Error& error) {
  const std::lock_guard lock(mutex_);
  if (!error_) error_ = error;
}

std::optional<Error> NcclFailure::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

void NcclFailure::throw_if_set() {
  const std::lock_guard lock(mutex_);
  if (!error_) return;
  noticed_ = true;
  throw *error_;
}

bool NcclFailure::noticed() const {
  const std::lock_guard lock(mutex_);
  return noticed_;
}

NcclChannel::NcclChannel(NcclApi& api, DeviceQueues& device, NcclFailure& failure, const NcclOptions& options,
                         Communicator& group, std::string name)
    : api_(api),
      device_(device),
      failure_(failure),
      options_(options),
      name_(std::move(name)),
      rank_(group.rank()),
      size_(group.size()),
      hops_(device) {}

void NcclChannel::join(Communicator& group) {
  NcclUniqueId id;
  run_on_rank(group, 0, [&] { id = api_.unique_id(); });
  group.broadcast(id.bytes.data(), static_cast<int64_t>(id.bytes.size()), 0);
  device_.make_current();
  {
    const std::lock_guard lock(mutex_);
    comm_ = api_.init(id, size_, rank_);
  }
  poll_until([this] { return settled(); }, options_.join_seconds,
             fmt::format("joining {} ranks ({})", size_, name_));
}

bool NcclChannel::settled() {
  const NcclState state = api_.state(comm_);
  if (state.kind == NcclState::Kind::kFailed) {
    const bool memory = says_out_of_memory(state.why);
    failure_.set(
        {memory ? ErrorKind::kMemory : ErrorKind::kPeer, fmt::format("NCCL ({}): {}", name_, state.why)});
  }
  return state.kind == NcclState::Kind::kReady;
}

void NcclChannel::poll_until(const std::function<bool()>& done, double seconds, const std::string& what) {
  const auto begin = Clock::now();
  Backoff backoff;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      failure_.throw_if_set();
      if (done()) return;
    }
    if (seconds_since(begin) > seconds) {
      failure_.set(
          {ErrorKind::kPeer,
           fmt::format("NCCL: {} takes longer than {} s: another rank failed or hangs, or its network "
                       "cannot be reached (NCCL_DEBUG=INFO tells more)",
                       what, seconds)});
    }
    backoff.pause();
  }
}

CudaEvent NcclChannel::queue(CudaStream compute, const Calls& calls) {
  // Without room the host is far ahead of the device. The watching thread finds out whether the device hangs.
  poll_until([this] { return hops_.has_room(); }, INFINITY, "");
  HopQueue::Events events;
  {
    const std::lock_guard lock(mutex_);
    failure_.throw_if_set();
    ROPEWAY_CHECK(comm_ != nullptr, "NCCL ({}): used after close()", name_);
    events = hops_.open(compute);
    api_.group_start();
    calls(api_, comm_, hops_.stream());
    api_.group_end();
  }
  // Until the calls are on the stream. Two ranks that exchange data for the first time connect here.
  poll_until([this] { return settled(); }, options_.hang_seconds,
             fmt::format("queuing a transfer ({})", name_));
  const std::lock_guard lock(mutex_);
  failure_.throw_if_set();
  hops_.close(events);
  return events.done;
}

CudaEvent NcclChannel::queue_hop(CudaStream compute, const void* send, int to, void* recv, int from,
                                 int64_t bytes) {
  return queue(compute, [=](NcclApi& api, NcclApi::Comm comm, CudaStream stream) {
    api.send(send, bytes, to, comm, stream);
    api.recv(recv, bytes, from, comm, stream);
  });
}

void NcclChannel::follow(CudaStream compute, CudaEvent event) {
  failure_.throw_if_set();
  device_.wait(compute, event);
}

void NcclChannel::wait_on_host(CudaEvent event, double seconds) {
  poll_until([&] { return device_.done(event); }, seconds, fmt::format("the first transfer ({})", name_));
}

void NcclChannel::close() {
  {
    const std::lock_guard lock(mutex_);
    failure_.throw_if_set();
    api_.finalize(comm_);
  }
  poll_until([this] { return settled(); }, options_.join_seconds, fmt::format("leaving NCCL ({})", name_));
  const std::lock_guard lock(mutex_);
  failure_.throw_if_set();
  api_.destroy(std::exchange(comm_, nullptr));
}

void NcclChannel::look() {
  const std::lock_guard lock(mutex_);
  if (comm_ == nullptr || failure_.error()) return;
  settled();
  const HopQueue::Oldest oldest = hops_.oldest();
  const bool still = oldest.moving && stuck_.moving && oldest.number == stuck_.number;
  stuck_ = oldest;
  if (!still) stuck_since_ = Clock::now();
  if (!oldest.moving) return;
  if (seconds_since(stuck_since_) > options_.hang_seconds) {
    failure_.set(
        {ErrorKind::kPeer,
         fmt::format("NCCL: transfer {} ({}) of rank {} of {} has waited for its neighbours for {} s: "
                     "another rank failed, hangs, or is further behind than this limit allows",
                     oldest.number, name_, rank_, size_, options_.hang_seconds)});
  }
}

bool NcclChannel::is_open() {
  const std::lock_guard lock(mutex_);
  return comm_ != nullptr;
}

// NCCL is called without the mutex: it may take long, and the rank must be able to notice the failure
// meanwhile. comm_ is null by then, so no other thread uses the communicator.
void NcclChannel::abort() {
  NcclApi::Comm comm;
  {
    const std::lock_guard lock(mutex_);
    comm = std::exchange(comm_, nullptr);
  }
  if (comm == nullptr) return;
  try {
    api_.abort(comm);
  } catch (const Error& e) {
    log_warning("while NCCL was aborted: {}", e.what());
  }
}

}  // namespace ropeway::internal
