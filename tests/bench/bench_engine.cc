// Times the engine on a random Llama: training steps (forward, backward, AdamW) and forward evaluation, in
// tokens/s.
//   bench_engine [key=value ...]     and under mpirun -n P
// Keys: layers hidden heads kv_heads head_dim intermediate vocab, length batch, threads (ranks as threads of
// this process), device (cpu|cuda; threads are then an emulated ring on one GPU, without the optimizer),
// dtype (fp32|bf16), steps, what (train|evaluate). Prints one JSON object. Beside the wall clock it takes
// processor time, of all ranks together: on a machine that others use as well it is the steadier figure.
#include <ATen/Parallel.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "kernels/base/random.h"
#include "kernels/ops/cuda_backend.h"
#include "parallel/comm/emulated_ring.h"
#include "parallel/ring/cuda_job.h"
#include "parallel/zero/sharded_adamw.h"
#include "trainer/model/causal_lm.h"

namespace ropeway {
namespace {

using Clock = std::chrono::steady_clock;
using Settings = std::map<std::string, std::string>;

int64_t number(const Settings& settings, const std::string& key) { return std::stoll(settings.at(key)); }

ModelConfig config_of(const Settings& settings) {
  ModelConfig config;
  config.num_layers = number(settings, "layers");
  config.hidden_size = number(settings, "hidden");
  config.num_heads = number(settings, "heads");
  config.num_kv_heads = number(settings, "kv_heads");
  config.head_dim = number(settings, "head_dim");
  config.intermediate_size = number(settings, "intermediate");
  config.vocab_size = number(settings, "vocab");
  config.original_window = number(settings, "length");
  config.tie_word_embeddings = true;
  return config;
}

std::vector<std::vector<int32_t>> random_sequences(const Settings& settings) {
  Philox random(1, Stream::kWindow);
  std::vector<std::vector<int32_t>> sequences(number(settings, "batch"));
  for (auto& sequence : sequences) {
    sequence.resize(number(settings, "length"));
    for (int32_t& token : sequence) token = static_cast<int32_t>(random.below(number(settings, "vocab")));
  }
  return sequences;
}

struct Timing {
  std::vector<double> seconds, cpu_seconds;  // of each repetition; the latter of this process
  int64_t activation_bytes = 0;              // of this rank
};

double process_cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Where a rank's tensors live, and what joins them to the other ranks'.
struct Seat {
  Communicator& world;
  c10::Device device;
  RingLinks links;
  DeviceGroup* gpus = nullptr;
};

// All ranks start each repetition together.
Timing time_steps(const Settings& settings, Seat seat) {
  Communicator& world = seat.world;
  const ModelConfig config = config_of(settings);
  const auto dtype = settings.at("dtype") == "bf16" ? at::kBFloat16 : at::kFloat;
  ResidentParameters parameters(config, dtype, seat.device);
  parameters.initialize(1);
  RingAttention ring(world, std::move(seat.links), Placement::kZigzag);
  CausalLM model(config, parameters, ring, {});
  const LocalBatch batch = make_local_batch(random_sequences(settings), {}, ring, dtype);
  const FactorSet factors = model.identity();
  const bool train = settings.at("what") == "train";
  std::unique_ptr<ShardedAdamW> optimizer;
  const bool emulated = seat.device.is_cuda() && world.size() > 1 && seat.gpus == nullptr;
  if (train && !emulated) {
    optimizer = std::make_unique<ShardedAdamW>(world, parameters.flat_weights(), parameters.flat_gradients(),
                                               parameters.weight_decay_mask(), seat.gpus);
  }
  const double tokens = static_cast<double>(number(settings, "batch") * (number(settings, "length") - 1));

  Timing timing;
  for (int64_t step = 0; step < number(settings, "steps") + 1; ++step) {
    world.barrier();
    const auto start = Clock::now();
    const double cpu_start = process_cpu_seconds();
    if (train) {
      model.forward_backward(batch, factors, 1.0 / tokens);
      if (optimizer) optimizer->step({}, 1.0);
    } else {
      model.evaluate(batch, factors);
    }
    parameters.flat_weights()[0].item<double>();  // what is queued on a GPU is done
    world.barrier();
    if (step == 0) continue;  // warms up
    timing.seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    timing.cpu_seconds.push_back(process_cpu_seconds() - cpu_start);
  }
  timing.activation_bytes = model.activation_bytes();
  return timing;
}

void report(const Settings& settings, int ranks, const Timing& timing, double cpu_seconds) {
  const double seconds = median(timing.seconds);
  const double tokens = static_cast<double>(number(settings, "batch") * number(settings, "length"));
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "{\"program\":\"ropeway\",\"what\":\"%s\",\"length\":%s,\"batch\":%s,\"ranks\":%d,\"seconds\":%.4f,"
      "\"tokens_per_second\":%.1f,\"tokens_per_cpu_second\":%.1f,\"peak_memory_bytes\":%lld,"
      "\"activation_bytes\":%lld}\n",
      settings.at("what").c_str(), settings.at("length").c_str(), settings.at("batch").c_str(), ranks,
      seconds, tokens / seconds, tokens / cpu_seconds, static_cast<long long>(usage.ru_maxrss) * 1024,
      static_cast<long long>(timing.activation_bytes));
}

int run(int argc, char** argv) {
  Settings settings = {{"layers", "4"},    {"hidden", "192"}, {"heads", "3"},          {"kv_heads", "3"},
                       {"head_dim", "64"}, {"vocab", "258"},  {"intermediate", "512"}, {"length", "2048"},
                       {"batch", "1"},     {"threads", "1"},  {"dtype", "fp32"},       {"steps", "5"},
                       {"what", "train"},  {"device", "cpu"}};
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const size_t equals = argument.find('=');
    if (equals == std::string::npos || !settings.contains(argument.substr(0, equals))) {
      std::fprintf(stderr, "bench_engine: unknown setting '%s'\n", argv[i]);
      return 2;
    }
    settings[argument.substr(0, equals)] = argument.substr(equals + 1);
  }
  const int threads = static_cast<int>(number(settings, "threads"));
  const bool on_gpu = settings.at("device") == "cuda";
  if (threads > 1) {
    Timing timing;
    std::unique_ptr<DeviceQueues> queues;
    if (on_gpu) {
      ops::require_cuda();
      queues = make_device_queues(0);
    }
    run_thread_world(threads, [&](Communicator& world) {
      at::set_num_threads(1);
      Timing own = on_gpu ? time_steps(settings, {.world = world,
                                                  .device = ops::use_cuda_device(0),
                                                  .links = emulated_ring_links(world, *queues)})
                          : time_steps(settings,
                                       {.world = world, .device = at::kCPU, .links = host_ring_links(world)});
      if (world.rank() == 0) timing = std::move(own);
    });
    report(settings, threads, timing, median(timing.cpu_seconds));
    return 0;
  }
  MpiSession session;
  Communicator& world = session.world();
  std::unique_ptr<CudaJob> job;
  if (on_gpu) job = std::make_unique<CudaJob>(session);
  const std::unique_ptr<DeviceGroup> gpus = device_group_of(job.get(), world);
  const Timing timing = time_steps(settings, {.world = world,
                                              .device = device_of(job.get()),
                                              .links = ring_links_of(job.get(), world),
                                              .gpus = gpus.get()});
  const double cpu_seconds = all_reduce_sum(world, median(timing.cpu_seconds));
  if (world.rank() == 0) report(settings, world.size(), timing, cpu_seconds);
  return 0;
}

}  // namespace
}  // namespace ropeway

int main(int argc, char** argv) { return ropeway::run(argc, argv); }
