#include "launch/generation.h"

#include <cmath>
#include <iostream>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "launch/choice_option.h"
#include "launch/dtype_option.h"
#include "launch/memory_words.h"
#include "launch/signals.h"
#include "launch/thread_count.h"
#include "parallel/comm/mpi_session.h"
#include "parallel/comm/run_on_rank.h"
#include "parallel/device/cuda_job.h"
#include "trainer/family/sliding_window.h"
#include "trainer/generate/stop_tokens.h"
#include "trainer/model/causal_lm.h"
#include "trainer/model/engine_setup.h"
#include "trainer/model/model_session.h"
#include "trainer/plan/choose_mesh.h"
#include "trainer/plan/make_plan.h"
#include "trainer/plan/out_of_memory.h"
#include "trainer/report/progress_line.h"
#include "trainer/rope/auto_factors.h"
#include "trainer/stages/factor_names.h"
#include "trainer/stages/open_model.h"
#include "trainer/stages/recipe_model.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

OpenedModel open_for(const GenerationRequest& request, Communicator& world) {
  OpenedModel opened = open_verified(request.model, world);
  apply_sliding_window(request.sliding_window, opened.dir.config);
  return opened;
}

std::string rate(int64_t tokens, double seconds) {
  return seconds > 0 ? fmt::format("{:.1f} tokens/s", static_cast<double>(tokens) / seconds) : "";
}

}  // namespace

std::vector<OptionRow> generation_options(const std::string& of_tokens, const std::string& of_seed) {
  return {row(Option::number<int64_t>("max-new-tokens", "N", 256), of_tokens),
          row(Option::number<double>("temperature", "T", 0),
              "0 (default): always the likeliest token; above: drawn from softmax / T"),
          row(Option::number<double>("top-p", "P", 1),
              "draw among the likeliest tokens that hold P together; default 1: all"),
          row(Option::number<uint64_t>("seed", "N", 0), of_seed),
          row(Option::text("factors", "NAME", "auto").offering("auto none pi ntk yarn cope"),
              "auto (default), none, pi, ntk, yarn, cope, ..., or the name of a set"),
          row(Option::text("on-crossing", "W", "reread").offering("reread keep"),
              "where auto passes to the next set: reread (default) all tokens; or keep"),
          row(Option::text("sliding-window", "W", "refuse").offering("refuse honour full"),
              "refuse (default) longer texts; honour it; full: attend to all"),
          row(Option::text("device", "DEVICE", "cpu").offering("cpu cuda"),
              "cpu (default), or cuda: one GPU per rank"),
          row(Option::text("dtype", "TYPE").offering("fp32 bf16 fp64"),
              "fp32 (default; bf16 with --device cuda), bf16, fp64")};
}

GenerationRequest read_generation_request(const po::variables_map& values) {
  const auto text = [&](const char* name) { return values[name].as<std::string>(); };
  GenerationRequest request;
  request.model = text("MODEL");
  request.factors = text("factors");
  request.on_crossing = read_choice<OnCrossing>("on-crossing", text("on-crossing"));
  request.device = read_choice<DeviceKind>("device", text("device"));
  request.dtype = read_compute_dtype(values, request.device);
  request.sliding_window = read_choice<SlidingWindowPolicy>("sliding-window", text("sliding-window"));
  request.max_new_tokens = values["max-new-tokens"].as<int64_t>();
  if (request.max_new_tokens < 1) {
    fail(ErrorKind::kUsage, "--max-new-tokens: found {}, wanted 1 or more", request.max_new_tokens);
  }
  Sampling& sampling = request.sampling;
  sampling = {values["temperature"].as<double>(), values["top-p"].as<double>(),
              values["seed"].as<uint64_t>()};
  if (!std::isfinite(sampling.temperature) || sampling.temperature < 0) {
    fail(ErrorKind::kUsage, "--temperature: found {}, wanted 0 (the likeliest token) or more",
         sampling.temperature);
  }
  if (!(sampling.top_p > 0 && sampling.top_p <= 1)) {
    fail(ErrorKind::kUsage, "--top-p: found {}, wanted a number above 0, up to 1", sampling.top_p);
  }
  return request;
}

struct GeneratingModel::Parts {
  Parts(const GenerationRequest& request, MpiSession& job)
      : source(open_for(request, job.world())),
        gpus(request.device == DeviceKind::kCuda ? std::make_unique<CudaJob>(job) : nullptr),
        mesh(job.world(), shape_of_one_row(job.world(), source.dir.config)),
        session(source.dir.config, model_place(mesh, gpus.get())) {}

  OpenedModel source;
  std::unique_ptr<CudaJob> gpus;  // null: on the CPU
  Mesh mesh;
  ModelSession session;
  std::unique_ptr<Generator> generator;
  bool said_beyond = false;  // that the sequence is longer than any set is for
};

GeneratingModel::GeneratingModel(const GenerationRequest& request, const std::string& who, MpiSession& job)
    : request_(request), who_(who), world_(job.world()), parts_(std::make_unique<Parts>(request, job)) {
  tokenizer_ = tokenizer_of(parts_->source);
  named_ = named_tokens(folder(), *tokenizer_, {config().bos_token_id, config().eos_token_id});
  stop_ = stop_tokens(folder(), named_, config().vocab_size);
}

GeneratingModel::~GeneratingModel() = default;

const ModelConfig& GeneratingModel::config() const { return parts_->source.dir.config; }
const fs::path& GeneratingModel::folder() const { return parts_->source.tokenizer_folder; }

int64_t GeneratingModel::longest_known() const {
  const ModelDir& dir = parts_->source.dir;
  int64_t longest = dir.config.original_window;
  for (const FactorSet& set : sets_for_weights(dir.sets, dir.weights)) {
    longest = std::max(longest, set.max_length);
  }
  return longest;
}

FactorSet GeneratingModel::factors_at(int64_t length) const {
  const ModelDir& dir = parts_->source.dir;
  return resolve_factors(request_.factors, length, dir.config, dir.sets, dir.weights);
}

bool GeneratingModel::may_cross() const { return request_.factors == kAutoFactors; }

void GeneratingModel::begin(int64_t length) {
  require_within_sliding_window(config(), length, request_.model);
  if (!parts_->gpus) log_thread_count();
  or_out_of_memory({who_, config(), parts_->session.plan(), generation_knobs()},
                   [&] { make_generator(length); });
}

void GeneratingModel::make_generator(int64_t length) {
  Parts& parts = *parts_;
  const PlanRequest plan{.work = {.pass = Pass::kEvaluate, .lengths = {length}, .one_at_a_time = true},
                         .dtype = request_.dtype,
                         .mesh = parts.mesh.shape(),
                         .cached_length = length,
                         .cache_unrotated = may_cross() && request_.on_crossing == OnCrossing::kKeep};
  const DeviceMemory memory = device_memory(device_of(parts.gpus.get()), world_);
  const int64_t cache = key_cache_bytes(config(), plan);
  constexpr int64_t kWorthALine = int64_t{1} << 30;
  if (cache >= kWorthALine && world_.rank() == 0) {
    log_info("keys and values of {} tokens take {} per rank", length, bytes_text(cache));
  }
  if (memory.bytes > 0 && cache >= memory.bytes) {
    fail(ErrorKind::kMemory,
         "{}: keys and values of {} tokens take {} on each of {} GPUs, which have {}: more ranks, or fewer "
         "tokens",
         who_, length, bytes_text(cache), world_.size(), bytes_text(memory.bytes));
  }
  parts.session.begin(make_engine_plan(config(), plan, memory));
  parts.session.load(parts.source.dir);
  GeneratorOptions options;
  options.on_crossing = request_.on_crossing;
  options.may_cross = may_cross();
  if (may_cross()) {
    options.factors = [this](int64_t reached) {
      FactorSet set = factors_at(reached);
      const std::string beyond = beyond_longest_set(set, reached);
      if (!beyond.empty() && !parts_->said_beyond && world_.rank() == 0) {
        log_warning("{}: {}", request_.model, beyond);
      }
      parts_->said_beyond = parts_->said_beyond || !beyond.empty();
      return set;
    };
  } else {
    options.factors = [set = factors_at(length)](int64_t) { return set; };
  }
  options.crossed = [this](const Crossing& crossing) {
    if (world_.rank() != 0) return;
    log_info("at {} tokens the factors are {}, no longer {}: {} ({:.2f} s)", crossing.length,
             crossing.to.name, crossing.from.name,
             crossing.reread ? "all of them were read again" : "keys were rotated anew, nothing was read",
             crossing.seconds);
  };
  parts.generator =
      std::make_unique<Generator>(parts.session.model(), parts.mesh.group(Axis::kSequence), options);
}

std::string GeneratingModel::write(const std::vector<int32_t>& prompt, int64_t max_new_tokens,
                                   const std::vector<int32_t>& stop, const std::vector<int32_t>& before) {
  TextStream stream(*tokenizer_, before);
  std::string text;
  bool stops = false;
  // Nothing is said of a prompt that is read at once.
  ProgressLine reading(world_.rank() == 0);
  reading.update(who_, 0, 1, fmt::format("reading {} tokens", prompt.size()));
  const auto say = [&](const std::string& more) {
    text += more;
    std::cout << more << std::flush;
  };
  GenerateOptions options;
  options.max_new_tokens = max_new_tokens;
  options.sampling = request_.sampling;
  options.stop = stop_;
  options.vocabulary = tokenizer_->vocab_size();
  options.stop.insert(options.stop.end(), stop.begin(), stop.end());
  options.told = [&](int32_t token) {
    reading.drop();
    say(stream.add(token));
    stops = stop_requested();
    return std::cout.good() && !stops;
  };
  Generated made;
  or_out_of_memory({who_, config(), parts_->session.plan(), generation_knobs()},
                   [&] { made = parts_->generator->generate(prompt, options); });
  reading.drop();
  run_on_rank(world_, 0, [&] {
    say(stream.finish());
    if (!std::cout.good()) fail(ErrorKind::kIo, "standard output: cannot be written to");
    if (stops) fail(ErrorKind::kStopped, "{}: stopped on request after {} tokens", who_, made.tokens.size());
  });
  return text;
}

void GeneratingModel::tell_figures() {
  if (parts_->gpus) parts_->gpus->close();
  if (world_.rank() != 0) return;
  const GenerationFigures& f = parts_->generator->figures();
  log_info("read {} tokens in {:.2f} s ({})", f.tokens_read, f.read_seconds,
           rate(f.tokens_read, f.read_seconds));
  log_info("generated {} tokens in {:.2f} s ({}) after the first; keys and values: {} per rank",
           f.tokens_made, f.made_seconds, rate(f.tokens_made, f.made_seconds), bytes_text(f.cache_bytes));
}

}  // namespace ropeway
