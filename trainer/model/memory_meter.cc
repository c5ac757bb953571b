#include "trainer/model/memory_meter.h"

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>
#include <mutex>

namespace ropeway {
namespace {

// The allocators report to whoever is registered as the thread's profiler; worker threads of an operator
// inherit it.
class Ledger : public c10::MemoryReportingInfoBase {
 public:
  explicit Ledger(c10::DeviceType device) : device_(device) {}

  void reportMemoryUsage(void*, int64_t bytes, size_t, size_t, c10::Device device) override {
    if (device.type() != device_) return;
    const std::lock_guard lock(mutex_);
    live_ += bytes;
    peak_ = std::max(peak_, live_);
  }
  bool memoryProfilingEnabled() const override { return true; }

  int64_t live() const {
    const std::lock_guard lock(mutex_);
    return live_;
  }
  int64_t peak() const {
    const std::lock_guard lock(mutex_);
    return peak_;
  }
  void reset_peak() {
    const std::lock_guard lock(mutex_);
    peak_ = live_;
  }

 private:
  const c10::DeviceType device_;
  mutable std::mutex mutex_;
  int64_t live_ = 0, peak_ = 0;
};

}  // namespace

struct MemoryMeter::State {
  explicit State(c10::DeviceType device)
      : ledger(std::make_shared<Ledger>(device)), guard(c10::DebugInfoKind::PROFILER_STATE, ledger) {}
  std::shared_ptr<Ledger> ledger;
  c10::DebugInfoGuard guard;
};

MemoryMeter::MemoryMeter(c10::DeviceType device) : state_(std::make_unique<State>(device)) {}
MemoryMeter::~MemoryMeter() = default;

int64_t MemoryMeter::live_bytes() const { return state_->ledger->live(); }
int64_t MemoryMeter::peak_bytes() const { return state_->ledger->peak(); }
void MemoryMeter::reset_peak() { state_->ledger->reset_peak(); }

}  // namespace ropeway
