// What this thread asks the tensor allocator for, while the meter lives: bytes in use and their peak. Counts
// what is asked for, not what the allocator keeps in reserve, and sees tensors only: neither the scratch of
// kernels nor what other threads allocate.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <memory>

namespace ropeway {

class MemoryMeter {
 public:
  explicit MemoryMeter(c10::DeviceType device = c10::DeviceType::CPU);
  ~MemoryMeter();
  MemoryMeter(const MemoryMeter&) = delete;
  MemoryMeter& operator=(const MemoryMeter&) = delete;

  int64_t live_bytes() const;  // since the meter was made; less than zero if more was freed
  int64_t peak_bytes() const;  // since the last reset
  void reset_peak();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ropeway
