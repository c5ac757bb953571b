#include "tests/pretend_gpu/engine_on_gpu.h"
#include "parallel/attention/ring_attention.h"

#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <c10/core/CachingDeviceAllocator.h>

#include <optional>

#include "kernels/ops/cuda_backend.h"
#include "kernels/ops/device_memory.h"
#include "parallel/comm/device_of_one.h"
#include "parallel/comm/emulated_ring.h"
#include "parallel/comm/exchange_ahead.h"
#include "parallel/comm/thread_world.h"
#include "parallel/zero/sharded_adamw.h"
#include "tests/pretend_gpu/pretend_gpu.h"
#include "trainer/model/causal_lm.h"
#include "trainer/model/memory_meter.h"
#include "trainer/model/resident_parameters.h"
#include "trainer/model/scalar_type.h"
#include "trainer/model/sharded_parameters.h"

namespace ropeway::testing {
namespace {

LocalBatch batch_of(const GpuPass& pass, const SequenceSplit& split) {
  const int64_t length = pass.shape.length * pass.shape.ring_ranks;
  std::vector<int32_t> tokens(static_cast<size_t>(length));
  for (size_t t = 0; t < tokens.size(); ++t) tokens[t] = static_cast<int32_t>(t % 101);
  const std::vector<std::vector<int32_t>> sequences(static_cast<size_t>(pass.shape.sequences), tokens);
  return make_local_batch(sequences, {}, split, scalar_type_of(pass.plan.dtype));
}

// Rank 0 of so many, the others of which send and take nothing.
class OneOfMany : public Collectives {
 public:
  explicit OneOfMany(int ranks) : ranks_(ranks) {}
  int rank() const override { return 0; }
  int size() const override { return ranks_; }
  void all_reduce(void*, int64_t, DType, ReduceOp) override {}
  void reduce_scatter(const void*, void*, int64_t, DType, ReduceOp) override {}
  void all_gather(const void*, void*, int64_t) override {}
  void all_to_all(const void*, void*, int64_t) override {}
  void broadcast(void*, int64_t, int) override {}
  std::unique_ptr<Hop> start_hop(const void*, int, void*, int, int64_t) override {
    return std::make_unique<FinishedHop>();
  }

 private:
  const int ranks_;
};

std::unique_ptr<ParameterStore> make_store(const GpuPass& pass, at::Device device,
                                           const std::shared_ptr<Collectives>& exchange) {
  const at::ScalarType type = scalar_type_of(pass.plan.dtype);
  if (pass.plan.zero == ZeroStage::kOptimizerState) {
    return std::make_unique<ResidentParameters>(pass.config, type, device);
  }
  return std::make_unique<ShardedParameters>(pass.config, type, device, exchange,
                                             pass.plan.zero == ZeroStage::kWeights
                                                 ? ShardedParameters::Weights::kSharded
                                                 : ShardedParameters::Weights::kWhole);
}

GpuPassFigures run_rank(const GpuPass& pass, Communicator& group, DeviceQueues& queues) {
  const c10::Device device = ops::use_cuda_device(0);
  GpuPassFigures figures;
  const at::Tensor some =
      at::zeros({8, 8}, at::TensorOptions(scalar_type_of(pass.plan.dtype)).device(device));
  at::mm(some, some);  // cuBLAS takes its workspace
  MemoryMeter meter(device.type());
  int64_t before = 0;
  const auto grown = [&] { return meter.live_bytes() - std::exchange(before, meter.live_bytes()); };
  // Each rank its own: the pretend GPU has no exchange between ranks but the ring.
  const CurrentStream current_stream = [device] { return ops::current_cuda_stream(device); };
  // Ranks that train share all of it out, those of a row the weights alone.
  const int sharing =
      pass.shape.pass == Pass::kTrain ? pass.shape.all_ranks : pass.shape.ring_ranks * pass.shape.head_ranks;
  const std::shared_ptr<Collectives> exchange = pass.plan.zero == ZeroStage::kOptimizerState
                                                    ? make_device_of_one(queues, current_stream)
                                                    : std::make_shared<OneOfMany>(sharing);
  const std::unique_ptr<ParameterStore> store = make_store(pass, device, exchange);
  std::optional<ShardedAdamW> optimizer;
  if (pass.shape.pass == Pass::kTrain) {
    auto shard = store->optimizer_shard(*exchange);
    shard->gradients();
    grown();
    optimizer.emplace(std::move(shard));
    figures.optimizer = grown();
  }
  RingAttention ring(
      group, group.size() > 1 ? emulated_ring_links(group, queues, current_stream) : host_ring_links(group),
      Placement::kZigzag, kGpuChunkMultiple);
  CausalLM model(pass.config, *store, ring, pass.plan);
  const LocalBatch batch = batch_of(pass, ring.split());
  const FactorSet factors = model.identity();
  const auto run = [&] {
    if (pass.shape.pass == Pass::kEvaluate) model.evaluate(batch, factors);
    if (pass.shape.pass == Pass::kFactorGradient) model.factor_gradient(batch, factors, 1e-3);
    if (pass.shape.pass != Pass::kTrain) return;
    model.forward_backward(batch, factors, 1e-3);
    optimizer->step({}, 1.0);
  };
  // All ranks look at the counts while none of them works.
  const auto counts_now = [&group] {
    group.barrier();
    const pretend::Counts now = pretend::counts();
    group.barrier();
    return now;
  };
  run();
  meter.reset_peak();
  const pretend::Counts start = counts_now();
  run();
  const pretend::Counts end = counts_now();
  figures.waits = end.waits - start.waits;
  figures.weights = store->bytes().weights;
  figures.gradients = store->bytes().gradients;
  figures.engine = meter.peak_bytes() - figures.weights - figures.gradients - figures.optimizer;
  figures.checkpoints = model.activation_bytes();
  return figures;
}

}  // namespace

GpuPassFigures run_gpu_pass(const GpuPass& pass) {
  ops::use_growing_segments();
  ops::require_cuda();
  const auto queues = make_device_queues(0);
  GpuPassFigures figures;
  run_thread_world(pass.shape.ring_ranks, [&](Communicator& group) {
    const GpuPassFigures own = run_rank(pass, group, *queues);
    if (group.rank() == 0) figures = own;
  });
  // What was written goes back to the host.
  dynamic_cast<c10::DeviceAllocator&>(*c10::GetAllocator(c10::kCUDA)).emptyCache();
  return figures;
}

}  // namespace ropeway::testing
