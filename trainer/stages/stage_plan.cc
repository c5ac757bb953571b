#include "trainer/stages/stage_plan.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "trainer/plan/make_plan.h"
#include "trainer/search/cost.h"
#include "trainer/search/expected_work.h"
#include "trainer/stages/scoring_passes.h"
#include "trainer/stages/stage_room.h"

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
        plan.open_ended = !is_limited(stage.evaluate());
        for (const ScoringPasses& passes : scoring_passes(stage.evaluate(), config_)) {
          plan.passes.push_back(scoring(passes));
        }
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

  PlannedPass scoring(const ScoringPasses& passes) const {
    PlannedPass forward = pass(Pass::kEvaluate, passes.length);
    forward.count = passes.count;
    forward.seconds /= mesh_.data;
    forward.exposed /= mesh_.data;
    return forward;
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
