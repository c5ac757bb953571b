#include "trainer/stages/stage_plan.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "trainer/evaluate/controls.h"
#include "trainer/plan/make_plan.h"
#include "trainer/search/cost.h"
#include "trainer/search/expected_work.h"
#include "trainer/stages/stage_room.h"
#include "trainer/tasks/choice_task.h"

namespace ropeway {
namespace {

constexpr double kTera = 1e12, kGiga = 1e9;

class Planner {
 public:
  Planner(const Recipe& recipe, const ModelConfig& config, const PlanSettings& settings)
      : recipe_(recipe),
        config_(config),
        mesh_(settings.mesh),
        device_(settings.device),
        limit_(settings.memory_limit) {
    set_lengths_["none"] = config.original_window;
    for (const FactorSet& set : settings.sets) set_lengths_[set.name] = set.max_length;
  }

  StagePlan plan(const StageRecipe& stage) {
    const PlanRequest request = plan_request(recipe_, stage, mesh_);
    engine_ = make_engine_plan(config_, request, {device_.is_gpu(), limit_});
    StagePlan plan{.name = stage.name, .kind = stage.kind()};
    switch (stage.kind()) {
      case StageKind::kPretrain:
      case StageKind::kFinetune:
        plan.passes = {training_step(stage.train())};
        plan.saving_bytes =
            bytes_of_copies(stage.train(), {.parameters = config_.num_parameters(), .dtype = engine_.dtype},
                            mesh_.data * mesh_.sequence, engine_.zero);
        break;
      case StageKind::kSearch:
      case StageKind::kReadjust:
        plan.passes = search_passes(stage);
        break;
      case StageKind::kEvaluate:
        plan.open_ended = !limited(stage.evaluate());
        plan.passes = evaluations(stage.evaluate());
        break;
    }
    plan.shared_out = shared_out(engine_);
    plan.memory = plan_memory(config_, engine_);
    plan.memory.parts.keys = key_cache_bytes(config_, request);
    if (limit_ > 0 && plan.memory.parts.total() > limit_) {
      const int64_t left = std::max<int64_t>(1, limit_ - plan.memory.parts.keys);
      plan.suggestions = suggestions({config_, engine_, left, recipe_knobs()});
    }
    if (!stage.makes.empty()) set_lengths_[stage.makes] = made_length(stage);
    return plan;
  }

 private:
  // One sequence on one row of the mesh; of documents of so many tokens each, where `document` is not 0.
  PlannedPass pass(Pass kind, int64_t length, int64_t document = 0) const {
    const int64_t local = std::max<int64_t>(1, length / mesh_.sequence);
    const int64_t kept = kept_blocks(config_, local, bytes_of(engine_.dtype), engine_);
    PlannedPass result{.pass = kind, .length = length, .count = 1, .tokens = length};
    result.work = pass_work(config_, kind, length,
                            {.save_attention = engine_.save_attention,
                             .kept_blocks = static_cast<double>(kept),
                             .document = document});
    const AttentionTraffic traffic = attention_traffic(config_, kind, local, mesh_, engine_.dtype);
    result.sent = traffic.total();
    if (device_.product <= 0) return result;
    const AttentionRate rate = device_.attention_at(local * mesh_.heads, config_.head_dim);
    const double ranks = mesh_.sequence;
    const double forward = result.work.attention_forward / ranks / (rate.forward * kTera);
    const double backward = result.work.attention_backward / ranks / (rate.backward * kTera);
    // The ring moves while attention computes, and what it takes longer is waited for; so is all of an
    // exchange of heads.
    const auto seconds = [&](double bytes, int ranks_within) {
      const double link = ranks_within > device_.devices_a_host ? device_.network : device_.link;
      return link > 0 ? bytes / (link * kGiga) : 0;
    };
    result.exposed = std::max(0.0, seconds(traffic.ring_forward, mesh_.sequence) - forward) +
                     std::max(0.0, seconds(traffic.ring_backward, mesh_.sequence) - backward) +
                     seconds(traffic.heads, mesh_.heads);
    result.seconds =
        result.work.dense / ranks / (device_.product * kTera) + forward + backward + result.exposed;
    return result;
  }

  PlannedPass training_step(const TrainRecipe& train) const {
    PlannedPass step = pass(Pass::kTrain, train.length);
    if (train.short_share > 0) {
      const PlannedPass of_short = pass(Pass::kTrain, train.length, config_.original_window);
      const double share = train.short_share, rest = 1 - share;
      step.short_share = share;
      step.work = step.work.times(rest).plus(of_short.work.times(share));
      step.seconds = rest * step.seconds + share * of_short.seconds;
      step.exposed = rest * step.exposed + share * of_short.exposed;
    }
    const auto sequences = static_cast<double>(train.batch_sequences);
    const double in_turn = static_cast<double>(std::max<int64_t>(1, train.batch_sequences / mesh_.data));
    step.sequences = train.batch_sequences;
    step.count = static_cast<double>(train.steps);
    step.tokens *= train.batch_sequences;
    step.work = step.work.times(sequences);
    step.seconds *= in_turn;
    step.exposed *= in_turn;
    return step;
  }

  // Rows of the mesh share the forward passes, and the gradients of one step.
  std::vector<PlannedPass> search_passes(const StageRecipe& stage) const {
    const int64_t length = stage.search().length;
    const SearchWork work = expected_search_work(stage.search(), config_.rope_geometry(),
                                                 length_of(stage.from), stage.kind() == StageKind::kReadjust);
    PlannedPass forward = pass(Pass::kEvaluate, length), gradient = pass(Pass::kFactorGradient, length);
    forward.at_most = gradient.at_most = true;
    forward.count = work.forwards;
    forward.seconds /= mesh_.data;
    forward.exposed /= mesh_.data;
    gradient.count = work.gradients;
    const int64_t together = documents_per_look(stage.search().documents, length);
    const int64_t rounds = (together + mesh_.data - 1) / mesh_.data;
    gradient.seconds *= static_cast<double>(rounds) / static_cast<double>(together);
    gradient.exposed *= static_cast<double>(rounds) / static_cast<double>(together);
    std::vector<PlannedPass> passes = {forward};
    if (work.gradients > 0) passes.push_back(gradient);
    return passes;
  }

  // The length a set is for, among those that exist when the stage begins; for an unknown set the original
  // window.
  int64_t length_of(const std::string& set) const {
    const auto found = set_lengths_.find(set);
    return found == set_lengths_.end() ? config_.original_window : found->second;
  }
  // Tuning keeps the factors, and with them the length they are for, which may be more than that of its
  // sequences.
  int64_t made_length(const StageRecipe& stage) const {
    const bool searches = stage.kind() == StageKind::kSearch || stage.kind() == StageKind::kReadjust;
    if (searches) return stage.search().length;
    const int64_t target = stage.train().target;
    return std::max(stage.train().length, target > 0 ? target : length_of(stage.from));
  }

  static bool limited(const EvaluateRecipe& evaluate) {
    const bool scores_text =
        evaluate.measures(EvaluateTask::kPerplexity) || evaluate.measures(EvaluateTask::kLongPpl);
    return !scores_text || evaluate.windows > 0 || evaluate.tokens > 0 || evaluate.target_tokens > 0;
  }

  // Of perplexity, per factor set; counted with one window where nothing limits them.
  static int64_t windows_of(const EvaluateRecipe& evaluate, int64_t length) {
    const std::vector<int64_t> aligned = evaluate.aligned_lengths();
    std::vector<int64_t> limits;
    if (evaluate.windows > 0) limits.push_back(evaluate.windows);
    if (evaluate.tokens > 0) limits.push_back(evaluate.tokens / (aligned.empty() ? length : aligned.back()));
    if (evaluate.target_tokens > 0) {
      const int64_t full = aligned.empty() ? length - 1 : aligned.front() - 1;
      const int64_t targets = evaluate.stride > 0 ? evaluate.stride : full;
      limits.push_back((evaluate.target_tokens + targets - 1) / targets);
    }
    return limits.empty() ? 1 : std::max<int64_t>(1, std::ranges::min(limits));
  }

  std::vector<PlannedPass> evaluations(const EvaluateRecipe& evaluate) const {
    std::vector<PlannedPass> passes;
    for (const int64_t length : evaluate.lengths) {
      int64_t windows = 0, crops = 0;
      if (evaluate.measures(EvaluateTask::kPerplexity)) windows += windows_of(evaluate, length);
      if (evaluate.measures(EvaluateTask::kPasskey))
        windows += evaluate.passkey_depths * evaluate.passkey_samples;
      if (evaluate.measures(EvaluateTask::kNeedles)) windows += evaluate.needle_passes;
      if (length > config_.original_window) {
        const ControlPasses controls = control_passes(evaluate.controls, evaluate.control_windows);
        windows += controls.at_length;
        crops = controls.at_window;
      }
      const auto factors = static_cast<int64_t>(evaluate.factors.size());
      if (windows > 0) passes.push_back(scoring(length, static_cast<double>(windows * factors)));
      if (crops > 0) passes.push_back(scoring(config_.original_window, static_cast<double>(crops * factors)));
      for (const auto& [at, count] : benchmark_passes(evaluate, length)) {
        passes.push_back(scoring(at, count * static_cast<double>(factors)));
      }
    }
    add_questions(evaluate, passes);
    return passes;
  }

  // What benchmarks take at one of the lengths, under one factor set: the length of passes and how many.
  static std::vector<std::pair<int64_t, double>> benchmark_passes(const EvaluateRecipe& evaluate,
                                                                  int64_t length) {
    const BenchmarkRecipe& benchmarks = evaluate.benchmarks;
    std::vector<std::pair<int64_t, double>> passes;
    const auto ruler = static_cast<double>(benchmarks.ruler_samples * std::ssize(benchmarks.ruler));
    if (ruler > 0) passes.emplace_back(length, ruler);
    const int64_t beyond = length - benchmarks.longppl_short;
    if (evaluate.measures(EvaluateTask::kLongPpl) && beyond > 0) {
      const auto texts = static_cast<double>(std::max<int64_t>(1, evaluate.windows));
      const int64_t strides = (beyond + benchmarks.longppl_stride - 1) / benchmarks.longppl_stride;
      passes.emplace_back(length, texts);
      passes.emplace_back(benchmarks.longppl_short + benchmarks.longppl_stride,
                          texts * static_cast<double>(strides));
    }
    return passes;
  }

  PlannedPass scoring(int64_t length, double count) const {
    PlannedPass forward = pass(Pass::kEvaluate, length);
    forward.count = count;
    forward.seconds /= mesh_.data;
    forward.exposed /= mesh_.data;
    return forward;
  }

  // Files of questions, as windows full of them, at four bytes per token.
  void add_questions(const EvaluateRecipe& evaluate, std::vector<PlannedPass>& passes) const {
    constexpr double kBytesPerToken = 4;
    double bytes = 0;
    for (const std::string& file : evaluate.benchmarks.requests) {
      for (const ChoiceQuestion& question :
           read_choice_task(file, evaluate.benchmarks.request_limit).questions) {
        for (const ChoiceOption& option : question.options) {
          bytes += static_cast<double>(option.context.size() + option.continuation.size());
        }
      }
    }
    if (bytes == 0) return;
    const double windows = std::ceil(bytes / kBytesPerToken / static_cast<double>(config_.original_window));
    passes.push_back(
        scoring(config_.original_window, windows * static_cast<double>(evaluate.factors.size())));
  }

  const Recipe& recipe_;
  const ModelConfig& config_;
  const MeshShape mesh_;
  const DeviceRates& device_;
  const int64_t limit_;
  EnginePlan engine_;  // of the stage that is planned
  std::map<std::string, int64_t> set_lengths_;
};

}  // namespace

std::vector<StagePlan> plan_recipe(const Recipe& recipe, const ModelConfig& config,
                                   const PlanSettings& settings) {
  Planner planner(recipe, config, settings);
  std::vector<StagePlan> plans;
  for (const StageRecipe& stage : recipe.stages) plans.push_back(planner.plan(stage));
  return plans;
}

}  // namespace ropeway
