// Times the engine on a random Llama: training steps (forward, backward, AdamW) and forward evaluation, in
// tokens/s.
//   bench_engine [key=value ...]     and under mpirun -n P
// Keys: layers hidden heads kv_heads head_dim intermediate vocab, length batch, threads (ranks as threads of
// this process), device (cpu|cuda; threads are then an emulated ring on one GPU, without the optimizer),
// dtype (fp32|bf16), steps (timed ones) warm_up, what (train|evaluate), activations (auto|device|host: as in
// a recipe, by the memory there is) save_attention (1|0), zero (0: by the memory there is, 1, 2, 3). Prints
// one JSON object. Beside the wall clock it takes processor time, of all ranks together: on a machine that
// others use as well it is the steadier figure. Peak memory: on a GPU the most that tensors took
// (torch.cuda.max_memory_allocated's figure), else the process's. ceiling_seconds: what the step would take
// at the rates known for this GPU (trainer/plan/device_rates.cc). Exit code 71 without a GPU, 80 without the
// memory.
#include <ATen/Parallel.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
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
#include "kernels/ops/device_memory.h"
#include "parallel/comm/emulated_ring.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/mpi_session.h"
#include "parallel/comm/thread_world.h"
#include "parallel/device/cuda_job.h"
#include "parallel/zero/sharded_adamw.h"
#include "tests/bench/gpu_report.h"
#include "trainer/config/recipe.h"
#include "trainer/family/weight_names.h"
#include "trainer/model/causal_lm.h"
#include "trainer/model/engine_setup.h"
#include "trainer/model/model_session.h"
#include "trainer/model/parameter_store.h"
#include "trainer/model/scalar_type.h"
#include "trainer/plan/device_rates.h"
#include "trainer/plan/work_model.h"

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

// The same work as a stage of a recipe: memory is planned as the trainer plans it.
Recipe recipe_of(const Settings& settings) {
  Recipe recipe;
  recipe.dtype = value_of<DType>(settings.at("dtype")).value();
  recipe.engine.activations = value_of<ActivationsPlace>(settings.at("activations")).value();
  recipe.engine.zero = static_cast<int>(number(settings, "zero"));
  recipe.engine.save_attention = number(settings, "save_attention") != 0;
  StageRecipe& stage = recipe.stages.emplace_back();
  if (settings.at("what") == "train") {
    stage.set_kind(StageKind::kFinetune);
    stage.train().length = number(settings, "length");
    stage.train().batch_sequences = number(settings, "batch");
    stage.train().micro_batch_tokens = number(settings, "length") * number(settings, "batch");
  } else {
    stage.evaluate().lengths = {number(settings, "length")};
  }
  return recipe;
}

struct Timing {
  std::vector<double> seconds, cpu_seconds;  // of each repetition; the latter of this process
  int64_t activation_bytes = 0;              // of this rank
  EnginePlan plan;                           // what was chosen
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
  std::shared_ptr<Collectives> exchange;  // over the memory of `device`; null on an emulated ring
};

// On a GPU by its own random numbers: drawing a billion by the recipe's rule takes half a minute.
void initialize(ModelSession& session) {
  ParameterStore& parameters = session.parameters();
  const at::TensorOptions options = parameters.weight_options();
  if (options.device().is_cpu()) return session.initialize(1);
  for (const NamedShape& named : parameters.names()) {
    const bool norm_or_bias = named.shape.size() == 1;
    parameters.set_weight(named.name, norm_or_bias ? at::ones(named.shape, options)
                                                   : at::randn(named.shape, options).mul_(0.02));
  }
}

// All ranks start each repetition together.
Timing time_steps(const Settings& settings, Seat seat) {
  Communicator& world = seat.world;
  const ModelConfig config = config_of(settings);
  Timing timing;
  const bool emulated = seat.exchange == nullptr;
  DeviceMemory device = device_memory(seat.device, world);
  if (emulated) device.bytes /= world.size();
  Recipe recipe = recipe_of(settings);
  if (emulated) recipe.engine.zero = 1;  // its ranks exchange nothing but keys
  timing.plan =
      make_engine_plan(config, plan_request(recipe, recipe.stages.front(), {1, world.size()}), device);
  const auto join = [exchange = seat.exchange] { return exchange; };
  ModelSession session(config, {.sequence = world,
                                .attention = {.ring = world, .links = std::move(seat.links)},
                                .device = seat.device,
                                .join_all = join,
                                .join_sequence = join});
  session.begin(timing.plan);
  initialize(session);
  CausalLM& model = session.model();
  const LocalBatch batch = make_local_batch(random_sequences(settings), {}, model.attention().split(),
                                            scalar_type_of(timing.plan.dtype));
  const FactorSet factors = model.identity();
  const bool train = settings.at("what") == "train";
  std::unique_ptr<ShardedAdamW> optimizer;
  if (train && !emulated) {
    optimizer = std::make_unique<ShardedAdamW>(session.parameters().optimizer_shard(*seat.exchange));
  }
  const double tokens = static_cast<double>(number(settings, "batch") * (number(settings, "length") - 1));

  const int64_t warm_up = number(settings, "warm_up");
  for (int64_t step = 0; step < number(settings, "steps") + warm_up; ++step) {
    world.barrier();
    const auto start = Clock::now();
    const double cpu_start = process_cpu_seconds();
    if (train) {
      model.forward_backward(batch, factors, 1.0 / tokens);
      if (optimizer) optimizer->step({}, 1.0);
    } else {
      model.evaluate(batch, factors);
    }
    // What is queued on a GPU is done: the results of a pass are in host memory, an update may not be.
    if (optimizer) optimizer->master()[0].item<double>();
    world.barrier();
    if (step < warm_up) continue;
    timing.seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    timing.cpu_seconds.push_back(process_cpu_seconds() - cpu_start);
  }
  timing.activation_bytes = model.activation_bytes();
  return timing;
}

// At the known rates of the GPU; 0: none are known.
double ceiling_seconds(const Settings& settings, const std::string& gpu, const Timing& timing, int ranks) {
  const auto device = device_called_by_cuda(gpu);
  if (!device) return 0;
  const ModelConfig config = config_of(settings);
  const int64_t length = number(settings, "length"), batch = number(settings, "batch");
  const double kept = static_cast<double>(
      kept_blocks(config, length * batch / ranks, bytes_of(timing.plan.dtype), timing.plan));
  const Work work = pass_work(config, settings.at("what") == "train" ? Pass::kTrain : Pass::kEvaluate, length,
                              {.save_attention = timing.plan.save_attention, .kept_blocks = kept});
  const AttentionRate rate = device->attention_at(length / ranks, config.head_dim);
  const double seconds = work.dense / device->product + work.attention_forward / rate.forward +
                         work.attention_backward / rate.backward;
  return static_cast<double>(batch) * seconds * 1e-12 / ranks;
}

struct Machine {
  int ranks = 1;         // that work at the same time
  int emulated = 1;      // that take turns on one GPU
  std::string gpu = "";  // empty: the CPU
  double cpu_seconds = 0;
};

int64_t peak_memory_bytes(const Machine& machine) {
  if (!machine.gpu.empty()) return ops::peak_device_bytes(c10::Device(at::kCUDA, 0));
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

void report(const Settings& settings, const Timing& timing, const Machine& machine) {
  const double seconds = median(timing.seconds);
  const double tokens = static_cast<double>(number(settings, "batch") * number(settings, "length"));
  std::printf(
      "{\"program\":\"ropeway\",\"what\":\"%s\",\"length\":%s,\"batch\":%s,\"ranks\":%d,\"seconds\":%.4f,"
      "\"tokens_per_second\":%.1f,\"tokens_per_cpu_second\":%.1f,\"peak_memory_bytes\":%lld,"
      "\"activation_bytes\":%lld",
      settings.at("what").c_str(), settings.at("length").c_str(), settings.at("batch").c_str(),
      machine.ranks * machine.emulated, seconds, tokens / seconds, tokens / machine.cpu_seconds,
      static_cast<long long>(peak_memory_bytes(machine)), static_cast<long long>(timing.activation_bytes));
  if (!machine.gpu.empty()) {
    std::printf(",\"device\":\"%s\",\"activations\":\"%s\",\"save_attention\":%d,\"ceiling_seconds\":%.4f",
                machine.gpu.c_str(), timing.plan.offload ? "host" : "device",
                timing.plan.save_attention ? 1 : 0,
                ceiling_seconds(settings, machine.gpu, timing, machine.ranks));
  }
  std::printf("}\n");
}

void run(int argc, char** argv) {
  Settings settings = {{"layers", "4"},         {"hidden", "192"},       {"heads", "3"},
                       {"kv_heads", "3"},       {"head_dim", "64"},      {"vocab", "258"},
                       {"intermediate", "512"}, {"length", "2048"},      {"batch", "1"},
                       {"threads", "1"},        {"dtype", "fp32"},       {"steps", "5"},
                       {"what", "train"},       {"device", "cpu"},       {"warm_up", "1"},
                       {"activations", "auto"}, {"save_attention", "1"}, {"zero", "0"}};
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const size_t equals = argument.find('=');
    if (equals == std::string::npos || !settings.contains(argument.substr(0, equals))) {
      fail(ErrorKind::kUsage, "unknown setting '{}'", argument);
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
      Seat seat{.world = world, .device = at::kCPU, .links = {}, .exchange = {}};
      if (on_gpu) {
        seat.device = ops::use_cuda_device(0);
        seat.links = emulated_ring_links(world, *queues,
                                         [device = seat.device] { return ops::current_cuda_stream(device); });
      } else {
        seat.links = host_ring_links(world);
        seat.exchange = unowned(world);
      }
      Timing own = time_steps(settings, std::move(seat));
      if (world.rank() == 0) timing = std::move(own);
    });
    report(settings, timing,
           {.ranks = on_gpu ? 1 : threads,
            .emulated = on_gpu ? threads : 1,
            .gpu = on_gpu ? visible_devices().front().name : "",
            .cpu_seconds = median(timing.cpu_seconds)});
    return;
  }
  MpiSession session;
  Communicator& world = session.world();
  std::unique_ptr<CudaJob> job;
  if (on_gpu) job = std::make_unique<CudaJob>(session);
  const Timing timing = time_steps(settings, {.world = world,
                                              .device = device_of(job.get()),
                                              .links = ring_links_of(job.get(), world),
                                              .exchange = collectives_of(job.get(), world)});
  const double cpu_seconds = all_reduce_sum(world, median(timing.cpu_seconds));
  if (world.rank() == 0) {
    report(settings, timing,
           {.ranks = world.size(), .gpu = job ? job->info().name : "", .cpu_seconds = cpu_seconds});
  }
  if (job) job->close();
}

}  // namespace
}  // namespace ropeway

int main(int argc, char** argv) {
  return ropeway::bench::run_to_exit_code("bench_engine", [&] { ropeway::run(argc, argv); });
}
