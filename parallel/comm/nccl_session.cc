#include "parallel/comm/nccl_session.h"

#include <algorithm>
#include <condition_variable>
#include <thread>
#include <vector>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/comm/nccl_channel.h"

namespace ropeway {
namespace internal {

// The watching thread and, once something has failed, a second one: NCCL's abort may itself never return, and
// the grace period must end nevertheless. No other thread aborts a channel.
class NcclWatch {
 public:
  NcclWatch(DeviceQueues& device, const NcclOptions& options) : device_(device), options_(options) {
    watching_ = std::thread([this] { watch(); });
  }

  ~NcclWatch() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    watching_.join();
    if (ending_.joinable()) ending_.join();
  }

  NcclFailure& failure() { return failure_; }

  // Stops watching, and aborts nothing that is not being aborted already.
  void abandon() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = abandoned_ = true;
    }
    changed_.notify_all();
    watching_.join();
  }

  void add(std::shared_ptr<NcclChannel> channel) {
    const std::lock_guard lock(mutex_);
    channels_.push_back(std::move(channel));
  }

  std::vector<std::shared_ptr<NcclChannel>> channels() const {
    const std::lock_guard lock(mutex_);
    return channels_;
  }

 private:
  void watch() {
    for (bool stop = false; !stop;) {
      stop = within(options_.poll_seconds, [this] { return stop_; });
      if (!stop && !failure_.error()) look();
      if (stop || failure_.error()) abort_what_is_open();
    }
  }

  bool is_abandoned() const {
    const std::lock_guard lock(mutex_);
    return abandoned_;
  }

  void look() {
    try {
      device_.make_current();
      for (const auto& channel : channels()) channel->look();
    } catch (const Error& e) {
      failure_.set(e);
    }
  }

  void abort_what_is_open() {
    const auto known = channels();
    if (is_abandoned()) return;
    if (std::none_of(known.begin(), known.end(), [](const auto& c) { return c->is_open(); })) return;
    if (!ending_.joinable()) ending_ = std::thread([this] { end_after_grace(); });
    // All at once: ending one communicator frees device memory, which waits for all kernels of the device,
    // those of the other communicators among them.
    std::vector<std::thread> aborts;
    for (const auto& channel : known) aborts.emplace_back([channel] { channel->abort(); });
    for (std::thread& abort : aborts) abort.join();
    {
      const std::lock_guard lock(mutex_);
      aborted_ = true;
    }
    changed_.notify_all();
  }

  void end_after_grace() {
    if (within(options_.grace_seconds, [this] { return stop_ && aborted_; })) return;
    const auto error = failure_.error();
    {
      const std::lock_guard lock(mutex_);
      if (aborted_ && failure_.noticed()) return;
      log_warning("{}; {}", error ? error->what() : "the rank leaves NCCL",
                  aborted_ ? "this rank has not noticed it and is ended" : "NCCL cannot be aborted");
    }
    options_.end_job(error ? error->exit_code() : static_cast<int>(ErrorKind::kPeer));
  }

  template <typename Condition>
  bool within(double seconds, const Condition& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::duration<double>(seconds), condition);
  }

  DeviceQueues& device_;
  const NcclOptions& options_;
  NcclFailure failure_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false, abandoned_ = false, aborted_ = false;
  std::vector<std::shared_ptr<NcclChannel>> channels_;
  std::thread watching_, ending_;
};

}  // namespace internal

NcclSession::NcclSession(NcclApi& api, DeviceQueues& device, NcclOptions options)
    : api_(api), device_(device), options_(std::move(options)) {
  ROPEWAY_CHECK(options_.end_job != nullptr, "a session of NCCL must know how to end the job");
  watch_ = std::make_unique<internal::NcclWatch>(device_, options_);
}

NcclSession::~NcclSession() = default;

std::shared_ptr<internal::NcclChannel> NcclSession::join(Communicator& group, const std::string& name) {
  watch_->failure().throw_if_set();
  auto channel =
      std::make_shared<internal::NcclChannel>(api_, device_, watch_->failure(), options_, group, name);
  watch_->add(channel);
  channel->join(group);
  return channel;
}

void NcclSession::check() { watch_->failure().throw_if_set(); }
bool NcclSession::failed() const { return watch_->failure().error().has_value(); }

void NcclSession::abandon(std::unique_ptr<NcclSession> session) {
  static auto& kept = *new std::vector<std::unique_ptr<NcclSession>>;  // to the end of the process
  if (session->failed()) return;  // NCCL is being aborted already; the destructor waits for that
  session->watch_->abandon();
  kept.push_back(std::move(session));
}

void NcclSession::close() {
  for (const auto& channel : watch_->channels()) channel->close();
}

}  // namespace ropeway
