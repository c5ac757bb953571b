#include "launch/link_check.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

#include "kernels/base/seconds_since.h"
#include "parallel/attention/ring_attention.h"
#include "parallel/board/position.h"
#include "parallel/device/cuda_job.h"

namespace ropeway {
namespace {

constexpr int kTries = 5, kRoundTrips = 10;
constexpr int64_t kNumbers = 4 << 20;  // FP32: 16 MiB

// One message there and back, with the other clock in it.
ClockOffset round_trip(Communicator& world, int other) {
  double sent = 0, theirs = 0;
  const double begin = seconds_since_1970();
  world.start_hop(&sent, other, &theirs, other, sizeof sent)->wait();
  if (world.rank() != 0) sent = seconds_since_1970();
  world.start_hop(&sent, other, &theirs, other, sizeof sent)->wait();
  const double end = seconds_since_1970();
  return {theirs - (begin + end) / 2, (end - begin) / 2};
}

struct Tensors {
  c10::Device device;
  at::Tensor filled(double value) const {
    return at::full({kNumbers}, value, at::TensorOptions().dtype(at::kFloat).device(device));
  }
};

// Waits for the device.
bool holds_only(const at::Tensor& tensor, double value) { return tensor.eq(value).all().item<bool>(); }

// Seconds of the work on this rank, all ranks beginning together.
double timed(Communicator& world, const at::Tensor& result, const std::function<void()>& work) {
  world.barrier();
  const auto begin = std::chrono::steady_clock::now();
  work();
  static_cast<void>(result.flatten().select(0, 0).item());  // queued work is done then
  return seconds_since(begin);
}

// What all ranks took, by rank.
std::vector<double> all_of(Communicator& world, double seconds) {
  std::vector<double> all(static_cast<size_t>(world.size()));
  world.all_gather(&seconds, all.data(), sizeof seconds);
  return all;
}

LinkSpeed speed_of(Communicator& world, double bytes, double share, double seconds) {
  const std::vector<double> all = all_of(world, seconds);
  const auto slowest = std::max_element(all.begin(), all.end());
  return {.bytes = bytes,
          .seconds = *slowest,
          .gigabytes_per_second = share * bytes / *slowest / 1e9,
          .slowest_rank = static_cast<int>(slowest - all.begin())};
}

// Adds a fault that names the ranks whose data is wrong. Collective.
void judge(Communicator& world, bool right, const char* what, DoctorFaults& faults) {
  const std::vector<double> all = all_of(world, right ? 0 : 1);
  std::vector<size_t> wrong;
  for (size_t rank = 0; rank < all.size(); ++rank) {
    if (all[rank] != 0) wrong.push_back(rank);
  }
  if (wrong.empty()) return;
  faults.push_back({"links", ErrorKind::kPeer,
                    fmt::format("{} brought wrong numbers to rank{} {}", what, wrong.size() == 1 ? "" : "s",
                                fmt::join(wrong, ", ")),
                    "try another transport (mpirun --mca btl self,vader,tcp; NCCL_P2P_DISABLE=1), and have "
                    "memory and network cards of those hosts looked at"});
}

// Every rank sends and receives 2 (P-1)/P of the data.
void measure_all_reduce(Communicator& world, CudaJob* gpus, LinkCheck& check) {
  const auto group = collectives_of(gpus, world);
  const Tensors tensors{device_of(gpus)};
  const int ranks = world.size();
  double best = 1e9;
  bool right = true;
  for (int i = 0; i < kTries; ++i) {
    const at::Tensor data = tensors.filled(world.rank() + 1);
    best = std::min(best, timed(world, data, [&] {
                      group->all_reduce(data.mutable_data_ptr(), kNumbers, DType::kF32, ReduceOp::kSum);
                    }));
    right = right && holds_only(data, 0.5 * ranks * (ranks + 1));
  }
  check.all_reduce = speed_of(world, 4.0 * kNumbers, 2.0 * (ranks - 1) / ranks, best);
  judge(world, right, "an all-reduce", check.faults);
}

void measure_hop(Communicator& world, CudaJob* gpus, const RingLinks& links, LinkCheck& check) {
  const Tensors tensors{device_of(gpus)};
  const at::Tensor sent = tensors.filled(world.rank()), received = tensors.filled(-1);
  const auto hop = [&](int64_t bytes) {
    return timed(world, received, [&] {
      links.keys->start(sent.const_data_ptr(), received.mutable_data_ptr(), bytes)->wait();
    });
  };
  double best = 1e9, shortest = 1e9;
  for (int i = 0; i < kTries; ++i) best = std::min(best, hop(4 * kNumbers));
  const bool right = holds_only(received, (world.rank() + world.size() - 1) % world.size());
  for (int i = 0; i < kRoundTrips; ++i) shortest = std::min(shortest, hop(4));
  check.hop = speed_of(world, 4.0 * kNumbers, 1, best);
  check.hop_latency = speed_of(world, 4, 1, shortest).seconds;
  judge(world, right, "a hop round the ring", check.faults);
}

void measure_step(Communicator& world, CudaJob* gpus, const RingLinks& links, LinkCheck& check) {
  const bool on_gpu = gpus != nullptr;
  constexpr int64_t kDim = 128, kMultiple = 128;
  check.step_tokens = on_gpu ? 8192 : 512;
  check.step_heads = on_gpu ? 32 : 8;
  RingAttention ring(world, links, Placement::kZigzag, kMultiple);
  const SequenceLayout layout(ring.split(), 1, check.step_tokens * world.size());
  const auto options = at::TensorOptions().dtype(on_gpu ? at::kBFloat16 : at::kFloat).device(device_of(gpus));
  const at::Tensor q = at::zeros({1, check.step_tokens, check.step_heads, kDim}, options);
  const at::Tensor k = at::zeros({1, check.step_tokens, check.step_heads / 4, kDim}, options);
  std::pair<double, double> best{1e9, 0};
  for (int i = 0; i < kTries; ++i) {
    const double before = Position::here().seconds_waited(WaitFor::kRing);
    at::Tensor out = at::zeros({1}, options);
    const double seconds = timed(world, out, [&] { out = ring.forward(layout, q, k, k, 0.1).out; });
    best = std::min(best, {seconds, Position::here().seconds_waited(WaitFor::kRing) - before});
  }
  const LinkSpeed slowest = speed_of(world, 0, 0, best.first);
  check.step_seconds = slowest.seconds;
  check.step_waited = all_of(world, best.second)[static_cast<size_t>(slowest.slowest_rank)];
}

}  // namespace

std::vector<ClockOffset> clock_offsets(Communicator& world) {
  std::vector<ClockOffset> offsets(static_cast<size_t>(world.size()));
  for (int other = 1; other < world.size(); ++other) {
    if (world.rank() != 0 && world.rank() != other) continue;
    ClockOffset& best = offsets[static_cast<size_t>(other)];
    best.error = 1e9;
    for (int i = 0; i < kRoundTrips; ++i) {
      const ClockOffset found = round_trip(world, world.rank() == 0 ? other : 0);
      if (found.error < best.error) best = found;
    }
  }
  world.barrier();
  return offsets;
}

LinkCheck check_links(Communicator& world, CudaJob* gpus) {
  LinkCheck check;
  measure_all_reduce(world, gpus, check);
  const RingLinks links = ring_links_of(gpus, world);
  measure_hop(world, gpus, links, check);
  measure_step(world, gpus, links, check);
  if (gpus != nullptr) gpus->check();
  return check;
}

}  // namespace ropeway
