// What the ring costs on one GPU, without its wires: P thread-ranks compute attention over one sequence
// through the ring, one after the other on the device, against the plain kernel on the same sequence; both in
// one run. BF16, 64 query and 8 key/value heads of 128, causal, zigzag placement. The work is the same; the
// ring adds smaller blocks, merges, sums of gradients and copies.
//   gpu_ring [ranks [tokens of a rank ...]]     default 8 ranks, 32768 and 8192 tokens
#include <string>
#include <vector>

#include "kernels/ops/cuda_backend.h"
#include "parallel/attention/ring_attention.h"
#include "parallel/comm/emulated_ring.h"
#include "parallel/comm/thread_world.h"
#include "parallel/comm/world_of_one.h"
#include "tests/bench/gpu_report.h"
#include "tests/bench/gpu_timing.h"

namespace ropeway {
namespace {

constexpr int64_t kHeads = 64, kKvHeads = 8, kHeadDim = 128;
constexpr double kScale = 0.08838834764831845;  // 1 / sqrt(128)
constexpr int kWarmUp = 1, kCalls = 2;

struct Seconds {
  double forward, backward;
};

struct Inputs {
  at::Tensor q, k, v, d_out;
  explicit Inputs(int64_t tokens)
      : q(bench::random({1, tokens, kHeads, kHeadDim})),
        k(bench::random({1, tokens, kKvHeads, kHeadDim})),
        v(bench::random({1, tokens, kKvHeads, kHeadDim})),
        d_out(bench::random({1, tokens, kHeads, kHeadDim})) {}
};

// Of all ranks together. Every rank queues on the device's one default stream: what rank 0 measures there
// begins and ends with the others' work, between two meetings of the hosts.
Seconds ring_seconds(int ranks, int64_t tokens) {
  const auto device = make_device_queues(0);
  Seconds result{};
  run_thread_world(ranks, [&](Communicator& comm) {
    RingAttention ring(comm,
                       emulated_ring_links(comm, *device,
                                           [] {
                                             return ops::current_cuda_stream({at::kCUDA, 0});
                                           }),
                       Placement::kZigzag);
    const Inputs in(tokens);
    const SequenceLayout layout(ring.split(), 1, ranks * tokens);
    RingAttention::Output out;
    const auto timed = [&](const std::function<void()>& run) {
      const auto together = [&] {
        comm.barrier();
        run();
        comm.barrier();
      };
      if (comm.rank() == 0) return bench::seconds(together, kWarmUp, kCalls);
      for (int call = 0; call < kWarmUp + kCalls; ++call) together();
      return 0.0;
    };
    const double forward = timed([&] { out = ring.forward(layout, in.q, in.k, in.v, kScale); });
    const double backward =
        timed([&] { ring.backward(layout, in.d_out, in.q, in.k, in.v, out.out, out.lse, kScale); });
    if (comm.rank() == 0) result = {forward, backward};
    comm.barrier();
  });
  return result;
}

Seconds plain_seconds(int64_t tokens) {
  const Inputs in(tokens);
  const auto alone = make_world_of_one();
  RingAttention plain(*alone, Placement::kZigzag);
  const SequenceLayout layout(plain.split(), 1, tokens);
  RingAttention::Output out;
  const double forward =
      bench::seconds([&] { out = plain.forward(layout, in.q, in.k, in.v, kScale); }, kWarmUp, kCalls);
  const double backward = bench::seconds(
      [&] { plain.backward(layout, in.d_out, in.q, in.k, in.v, out.out, out.lse, kScale); }, kWarmUp, kCalls);
  return {forward, backward};
}

void run(int ranks, const std::vector<int64_t>& lengths) {
  ops::require_cuda();
  for (const int64_t tokens : lengths) {
    const double goal = ranks != 8 ? 0 : tokens == 32768 ? 0.97 : tokens == 8192 ? 0.92 : 0;
    const Seconds ring = ring_seconds(ranks, tokens), plain = plain_seconds(ranks * tokens);
    const auto tell = [&](const char* direction, double ring_time, double plain_time, double wanted) {
      bench::report({fmt::format("ring of {}, {} tokens per rank: {}", ranks, tokens, direction), "of plain",
                     plain_time / ring_time, wanted});
    };
    tell("forward", ring.forward, plain.forward, 0);
    tell("backward", ring.backward, plain.backward, 0);
    tell("both", ring.forward + ring.backward, plain.forward + plain.backward, goal);
  }
}

}  // namespace
}  // namespace ropeway

int main(int argc, char** argv) {
  const int ranks = argc > 1 ? std::stoi(argv[1]) : 8;
  std::vector<int64_t> lengths;
  for (int i = 2; i < argc; ++i) lengths.push_back(std::stoll(argv[i]));
  if (lengths.empty()) lengths = {32768, 8192};
  return ropeway::bench::run_to_exit_code("gpu_ring", [&] { ropeway::run(ranks, lengths); });
}
