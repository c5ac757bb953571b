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
#include "parallel/comm/thread_world.h"
#include "parallel/zero/sharded_adamw.h"
#include "tests/pretend_gpu/pretend_gpu.h"
#include "trainer/model/causal_lm.h"
#include "trainer/model/memory_meter.h"
#include "trainer/model/resident_parameters.h"
#include "trainer/model/scalar_type.h"

namespace ropeway::testing {
namespace {

LocalBatch batch_of(const GpuPass& pass, const SequenceSplit& split) {
  const int64_t length = pass.shape.length * pass.shape.ring_ranks;
  std::vector<int32_t> tokens(static_cast<size_t>(length));
  for (size_t t = 0; t < tokens.size(); ++t) tokens[t] = static_cast<int32_t>(t % 101);
  const std::vector<std::vector<int32_t>> sequences(static_cast<size_t>(pass.shape.sequences), tokens);
  return make_local_batch(sequences, {}, split, scalar_type_of(pass.plan.dtype));
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
  ResidentParameters store(pass.config, scalar_type_of(pass.plan.dtype), device);
  figures.weights = grown();
  std::optional<ShardedAdamW> optimizer;
  // Each rank its own: the pretend GPU has no exchange between ranks but the ring.
  const CurrentStream current_stream = [device] { return ops::current_cuda_stream(device); };
  const auto alone = make_device_of_one(queues, current_stream);
  if (pass.shape.pass == Pass::kTrain) {
    store.flat_gradients();
    figures.gradients = grown();
    const FlatParameters flat = store.flat_parameters();
    optimizer.emplace(*alone, flat.weights, flat.gradients, flat.decayed);
    figures.optimizer = grown();
  }
  RingAttention ring(
      group, group.size() > 1 ? emulated_ring_links(group, queues, current_stream) : host_ring_links(group),
      Placement::kZigzag, kGpuChunkMultiple);
  CausalLM model(pass.config, store, ring, pass.plan);
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
  figures.engine = meter.peak_bytes() - before;
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
