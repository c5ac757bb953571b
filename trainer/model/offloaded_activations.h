// Records of blocks that wait in host memory between forward and backward (Ren et al., "ZeRO-Offload", 2021,
// for activations as in Megatron's and DeepSpeed's trainers). The device has slots for two of them or more:
// the one that is written or read, and those whose copies are under way. A sealed record leaves while the next block's
// attention runs, after which its slot is opened again for what that block makes; in backward, a released
// slot takes up the record of two blocks earlier, which has a block's time to arrive. The last records of a
// forward pass never leave.
//
//   forward   seal 0: record 0 leaves, block 1's attention, open 2: slot 0 again
//   backward  release 4: slot 0 takes up record 2, block 3's backward, fetch 2
//
// Host memory is taken once, in the first step; the slots' memory too, except for attention's results, which
// attention makes and the slots take over. Token-wise results are not kept: computing them again is cheaper
// than moving them, and gives the same bits.
#pragma once

#include <memory>
#include <vector>

#include "kernels/ops/host_copies.h"
#include "trainer/model/activation_store.h"

namespace ropeway {

class OffloadedActivations : public ActivationStore {
 public:
  // slots: at least 2.
  OffloadedActivations(const ModelConfig& config, int64_t slots, std::unique_ptr<ops::HostCopies> copies);
  void begin_step(int64_t tokens, at::TensorOptions options, int64_t keep_blocks) override;
  BlockActivations& open(int64_t layer) override;
  void seal(int64_t layer) override;
  BlockActivations& fetch(int64_t layer) override;
  void release(int64_t layer) override;
  int64_t peak_bytes() const override { return peak_bytes_; }

 private:
  using Ticket = ops::HostCopies::Ticket;
  struct Slot {
    int64_t layer = -1;
    BlockActivations record;
    Buffer input;
    Ticket copy = 0;  // the last one that reads or writes the record
  };
  struct Away {
    at::Tensor input, attention_out, lse;  // flat, U8
  };
  int64_t num_slots() const { return static_cast<int64_t>(slots_.size()); }
  Slot& slot_of(int64_t layer) { return slots_[static_cast<size_t>(layer) % slots_.size()]; }
  void send(const at::Tensor& from, at::Tensor& host, Slot& slot);
  void bring(const at::Tensor& host, const at::Tensor& to, Slot& slot);

  const int64_t layers_, hidden_;
  // Before copies_, which waits for the last copy when it goes: memory goes after it.
  std::vector<Away> away_;
  std::vector<Slot> slots_;
  std::unique_ptr<ops::HostCopies> copies_;
  int64_t tokens_ = 0, peak_bytes_ = 0;
  at::TensorOptions options_;
};

}  // namespace ropeway
