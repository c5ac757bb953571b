#include "trainer/stages/plan_choices.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "parallel/layout/head_shares.h"
#include "trainer/config/lengths.h"

namespace ropeway {
namespace {

// Why stages cannot be shared out so; "" if they can.
std::string refusal(const Recipe& recipe, const MeshShape& mesh) {
  const int64_t pieces = chunks_per_rank(recipe.mesh.placement) * int64_t{mesh.sequence};
  for (const StageRecipe& stage : recipe.stages) {
    for (const int64_t length : lengths_of(stage)) {
      if (length % pieces != 0) return fmt::format("{} is no multiple of {}", format_length(length), pieces);
    }
    if (is_training(stage.kind()) && stage.train().batch_sequences % mesh.data != 0) {
      return fmt::format("{} sequences per step in {}", stage.train().batch_sequences, stage.name);
    }
  }
  return "";
}

bool searches_so(const Recipe& recipe, const SearchChoice& choice) {
  return std::ranges::all_of(recipe.stages, [&](const StageRecipe& stage) {
    return !is_searching(stage.kind()) ||
           (stage.search().seeds == choice.seeds && stage.search().refine == choice.refine);
  });
}

}  // namespace

PlanTotals totals_of(const StagePlan& stage, int64_t memory_limit) {
  PlanTotals totals{.memory = stage.memory.parts.total()};
  totals.fits = memory_limit == 0 || totals.memory <= memory_limit;
  for (const PlannedPass& pass : stage.passes) {
    totals.tokens += pass.count * static_cast<double>(pass.tokens);
    totals.flops += pass.count * pass.work.total();
    totals.seconds += pass.count * pass.seconds;
  }
  return totals;
}

PlanTotals totals_of(const std::vector<StagePlan>& stages, int64_t memory_limit) {
  PlanTotals all;
  for (const StagePlan& stage : stages) {
    const PlanTotals one = totals_of(stage, memory_limit);
    all.tokens += one.tokens;
    all.flops += one.flops;
    all.seconds += one.seconds;
    all.memory = std::max(all.memory, one.memory);
    all.fits = all.fits && one.fits;
  }
  return all;
}

std::vector<MeshChoice> mesh_choices(const Recipe& recipe, const ModelConfig& config,
                                     const PlanSettings& settings, int ranks) {
  std::vector<MeshChoice> choices;
  const auto add = [&](const MeshShape& mesh) {
    MeshChoice choice{mesh, refusal(recipe, mesh)};
    if (choice.refused.empty()) {
      PlanSettings own = settings;
      own.mesh = choice.mesh;
      choice.totals = totals_of(plan_recipe(recipe, config, own), settings.memory_limit);
    }
    choices.push_back(std::move(choice));
    return choices.back().refused.empty();
  };
  for (int data = 1; data <= ranks; ++data) {
    if (ranks % data != 0) continue;
    const int sequence = ranks / data, most = std::gcd(sequence, settings.device.devices_a_host);
    if (!add({data, sequence})) continue;
    for (int heads = 2; heads <= most; ++heads) {
      const bool divides = most % heads == 0;
      if (divides && can_share_heads(config.num_heads, config.num_kv_heads, heads))
        add({data, sequence, heads});
    }
  }
  return choices;
}

const MeshChoice* cheapest(const std::vector<MeshChoice>& choices) {
  const MeshChoice* best = nullptr;
  for (const MeshChoice& choice : choices) {
    if (!choice.refused.empty() || !choice.totals.fits) continue;
    if (best == nullptr || choice.totals.seconds < best->totals.seconds) best = &choice;
  }
  return best;
}

std::vector<SearchChoice> search_choices(const Recipe& recipe, const ModelConfig& config,
                                         const PlanSettings& settings) {
  std::vector<SearchChoice> choices = {{SearchSeeds::kFamilies, SearchRefine::kNone},
                                       {SearchSeeds::kFamilies, SearchRefine::kGradient},
                                       {SearchSeeds::kPaper, SearchRefine::kEvolution}};
  if (std::ranges::none_of(recipe.stages, [](const StageRecipe& s) { return is_searching(s.kind()); }))
    return {};
  for (SearchChoice& choice : choices) {
    choice.is_chosen = searches_so(recipe, choice);
    Recipe changed = recipe;
    std::erase_if(changed.stages,
                  [](const StageRecipe& stage) { return stage.kind() == StageKind::kEvaluate; });
    for (StageRecipe& stage : changed.stages) {
      if (!is_searching(stage.kind())) continue;
      stage.search().seeds = choice.seeds;
      stage.search().refine = choice.refine;
    }
    for (const StagePlan& stage : plan_recipe(changed, config, settings)) {
      if (!is_searching(stage.kind)) continue;
      for (const PlannedPass& pass : stage.passes) choice.passes += pass.count;
      choice.seconds += totals_of(stage, 0).seconds;
    }
  }
  return choices;
}

}  // namespace ropeway
