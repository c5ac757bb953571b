// A map from a 64-bit key to a 32-bit value with open addressing: what the inner loops look up.
#pragma once

#include <cstdint>
#include <vector>

namespace ropeway {

class IdMap {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;  // the value of a key that is absent; no value that is stored

  explicit IdMap(size_t keys) {
    size_t slots = 16;
    while (slots < 2 * keys) slots *= 2;
    slots_.assign(slots, {0, kNone});
  }
  // Replaces the value of a key that is there. At most `keys` of them.
  void set(uint64_t key, uint32_t value) { slots_[place(key)] = {key, value}; }
  uint32_t find(uint64_t key) const { return slots_[place(key)].value; }

 private:
  struct Slot {
    uint64_t key;
    uint32_t value;
  };
  size_t place(uint64_t key) const {
    const size_t mask = slots_.size() - 1;
    uint64_t mixed = key * 0x9E3779B97F4A7C15u;
    size_t i = static_cast<size_t>(mixed ^ mixed >> 32) & mask;
    while (slots_[i].value != kNone && slots_[i].key != key) i = (i + 1) & mask;
    return i;
  }
  std::vector<Slot> slots_;
};

}  // namespace ropeway
