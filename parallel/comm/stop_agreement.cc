#include "parallel/comm/stop_agreement.h"

#include <algorithm>

#include "kernels/base/unwanted_work.h"

namespace ropeway {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPointBits = 40;  // of a number: the points of one section

Clock::duration ticks(std::chrono::duration<double> seconds) {
  return std::chrono::duration_cast<Clock::duration>(seconds);
}

}  // namespace

StopAgreement::StopAgreement(Communicator& world, Options options)
    : group_(world.split(0, world.rank())), options_(std::move(options)), thread_([this] { run(); }) {}

StopAgreement::~StopAgreement() {
  const bool failing = exceptions_.passing();
  {
    const std::lock_guard lock(mutex_);
    done_ = closing_ = true;
    failed_ = failing;
  }
  changed_.notify_all();
  thread_.join();
}

StopAgreement::Reason StopAgreement::reason() const {
  const std::lock_guard lock(mutex_);
  return reason_;
}

bool StopAgreement::held() const {
  const std::lock_guard lock(mutex_);
  return holds_ > 0;
}

void StopAgreement::Hold::change(int by) {
  if (stop_ == nullptr) return;
  {
    const std::lock_guard lock(stop_->mutex_);
    stop_->holds_ += by;
  }
  stop_->changed_.notify_all();
}

void StopAgreement::closing() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
}

void StopAgreement::set_deadline(Clock::time_point end, std::chrono::duration<double> reserve) {
  const std::lock_guard lock(mutex_);
  deadline_ = end;
  reserve_ = reserve;
}

void StopAgreement::expect_saving(double seconds, bool measured) {
  {
    const std::lock_guard lock(mutex_);
    saving_seconds_ = seconds;
  }
  if (measured && options_.saving_measured) options_.saving_measured(seconds);
}

double StopAgreement::expected_saving() const {
  const std::lock_guard lock(mutex_);
  return saving_seconds_;
}

void StopAgreement::pass(bool new_section) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !frozen_; });
  passed_ = new_section ? ((passed_ >> kPointBits) + 1) << kPointBits : passed_ + 1;
  if (target_ && passed_ >= *target_) throw Abandoned();
}

// Up to the target nothing is used of what this rank computes, if it leaves in the section that it is in.
// One that is a section behind finishes that: others have left it, and go by its results. mutex_ is held.
void StopAgreement::spare_unwanted_work() {
  const bool leaves_here = target_ && *target_ >> kPointBits == passed_ >> kPointBits;
  if (unwanted_ != nullptr && leaves_here) *unwanted_ = true;
}

class StopAgreement::InSection {
 public:
  explicit InSection(StopAgreement& stop) : stop_(stop) {
    const std::lock_guard lock(stop_.mutex_);
    stop_.unwanted_ = &unwanted_work();
    stop_.spare_unwanted_work();
  }
  ~InSection() {
    const std::lock_guard lock(stop_.mutex_);
    *stop_.unwanted_ = false;
    stop_.unwanted_ = nullptr;
  }
  InSection(const InSection&) = delete;
  InSection& operator=(const InSection&) = delete;

 private:
  StopAgreement& stop_;
  const AtWork at_work_{stop_};
};

// Sections may have different numbers of points on ranks that do not exchange data within them. Leaving one is
// a point too, so that all ranks abandon what precedes their next common exchange.
void StopAgreement::abandonable(const std::function<void()>& work) {
  pass(true);
  {
    const InSection section(*this);
    work();
  }
  pass(true);
}

StopAgreement::Reason StopAgreement::own_reason() {
  if (options_.asked && options_.asked()) return Reason::kRequest;
  const std::lock_guard lock(mutex_);
  if (!deadline_) return Reason::kNone;
  // Half as much again for a disk that is slower this time, and the time to agree and to come to a point.
  const auto reserve = std::max(reserve_.count(), 1.5 * saving_seconds_ + 2);
  const bool due = Clock::now() + ticks(std::chrono::duration<double>(reserve)) >= *deadline_;
  return due ? Reason::kDeadline : Reason::kNone;
}

void StopAgreement::run() {
  try {
    if (!watch()) return;
    agree_on_target();
    wait_out_grace();
  } catch (const Error&) {
    // Another rank is gone, and the working thread hears of it by itself.
    const std::lock_guard lock(mutex_);
    frozen_ = false;
    changed_.notify_all();
  }
}

bool StopAgreement::watch() {
  for (;;) {
    enum : uint8_t { kReason, kBusy, kFailed, kNumFlags };
    uint8_t flags[kNumFlags] = {static_cast<uint8_t>(own_reason()), 0, 0};
    {
      const std::lock_guard lock(mutex_);
      flags[kBusy] = done_ ? 0 : 1;
      flags[kFailed] = failed_ ? 1 : 0;
    }
    group_->all_reduce(flags, kNumFlags, DType::kU8, ReduceOp::kMax);
    if (flags[kFailed] != 0 || flags[kBusy] == 0) return false;
    std::unique_lock lock(mutex_);
    if (flags[kReason] != 0) {
      reason_ = static_cast<Reason>(flags[kReason]);
      return true;
    }
    changed_.wait_for(lock, options_.period, [&] { return done_; });
  }
}

void StopAgreement::agree_on_target() {
  if (options_.when_agreed) options_.when_agreed(held() ? expected_saving() : 0);
  {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, options_.patience, [&] { return done_; });
    frozen_ = true;
  }
  Number highest = 0;
  {
    const std::lock_guard lock(mutex_);
    highest = passed_;
  }
  group_->all_reduce(&highest, 1, DType::kI64, ReduceOp::kMax);
  const std::lock_guard lock(mutex_);
  target_ = highest + 1;
  spare_unwanted_work();
  frozen_ = false;
  changed_.notify_all();
}

void StopAgreement::wait_out_grace() {
  std::unique_lock lock(mutex_);
  const auto over = [&] { return closing_ || done_; };
  changed_.wait_for(lock, options_.grace, over);
  // A hold that ends leaves a grace of its own: what was saved is told, and the rank ends.
  while (!over() && holds_ > 0) {
    changed_.wait(lock, [&] { return over() || holds_ == 0; });
    changed_.wait_for(lock, options_.grace, [&] { return over() || holds_ > 0; });
  }
  if (over() || !options_.overdue) return;
  lock.unlock();
  options_.overdue();
}

}  // namespace ropeway
