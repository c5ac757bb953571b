#include "launch/plan_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "kernels/base/error.h"
#include "launch/memory_words.h"
#include "launch/mesh_words.h"
#include "launch/plan_result.h"
#include "trainer/config/lengths.h"

namespace ropeway {
namespace {

std::string flops_text(double flops) {
  static const char* const kNames[] = {"FLOP", "KFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP", "EFLOP", "ZFLOP"};
  size_t unit = 0;
  for (; flops >= 1000 && unit + 1 < std::size(kNames); ++unit) flops /= 1000;
  return fmt::format("{:.3g} {}", flops, kNames[unit]);
}

// "steps of 8 x 64K", "forward passes over 64K, at most"
std::string what_of(const PlannedPass& pass) {
  const std::string length = format_length(pass.length);
  if (pass.pass == Pass::kTrain) {
    return fmt::format(
        "steps of {} x {}{}", pass.sequences, length,
        pass.short_share > 0 ? fmt::format(", {:.3g}% of short documents", 100 * pass.short_share) : "");
  }
  return fmt::format("{} over {}{}", pass.pass == Pass::kEvaluate ? "forward passes" : "factor gradients",
                     length, pass.at_most ? ", at most" : "");
}

std::string pass_text(const PlannedPass& pass) {
  std::string text = fmt::format("  {:>6} {:<42} {:>10} each, {:.0f}% attention", format_count(pass.count),
                                 what_of(pass), flops_text(pass.work.total()),
                                 100 * (1 - pass.work.dense / std::max(pass.work.total(), 1.0)));
  if (pass.seconds > 0) text += fmt::format(", {}", seconds_text(pass.seconds));
  if (pass.exposed > 0.01 * pass.seconds) {
    text += fmt::format(" ({} of it waiting for other ranks)", seconds_text(pass.exposed));
  }
  if (pass.sent > 0) text += fmt::format("; a rank sends {}", bytes_text(static_cast<int64_t>(pass.sent)));
  return text + "\n";
}

// The passes of a stage and the parts of its memory.
std::string details_of(const StagePlan& stage, int64_t limit) {
  const PlanTotals totals = totals_of(stage, limit);
  std::string text = fmt::format("{} ({}): {} tokens, {}", stage.name, word_of(stage.kind),
                                 format_count(totals.tokens), flops_text(totals.flops));
  if (totals.seconds > 0) text += fmt::format(", {}", seconds_text(totals.seconds));
  text += "\n";
  for (const PlannedPass& pass : stage.passes) text += pass_text(pass);
  const MemoryParts& parts = stage.memory.parts;
  text += fmt::format("  memory per rank {}: {}\n", bytes_text(parts.total()), parts_text(parts));
  if (!stage.shared_out.empty()) text += fmt::format("  the ranks share out {}\n", stage.shared_out);
  if (parts.host > 0) text += fmt::format("  and {} of host memory\n", bytes_text(parts.host));
  if (stage.saving_bytes > 0) {
    text += fmt::format("  and {} of host memory on rank 0 to write checkpoints from, beside training\n",
                        bytes_text(stage.saving_bytes));
  }
  return text + "\n";
}

std::string what_would_help(const StagePlan& stage, int64_t limit) {
  std::string text =
      fmt::format("{} DOES NOT FIT into {}; what would help:\n", stage.name, bytes_text(limit));
  for (const std::string& line : as_recipe_keys(stage.suggestions, fmt::format("stage {}", stage.name))) {
    text += fmt::format("  {}\n", line);
  }
  if (stage.suggestions.empty()) text += "  more memory: no setting makes a difference\n";
  return text + "\n";
}

// A row of the table of stages; with `measured` also what the stage took.
std::string row_of(const std::string& name, const std::string& kind, const PlanTotals& totals,
                   const MeasuredStage* measured) {
  std::string row =
      fmt::format("{:<20} {:<9} {:>8} {:>11} {:>10} {:>11}", name, kind, format_count(totals.tokens),
                  flops_text(totals.flops), seconds_text(totals.seconds), bytes_text(totals.memory));
  if (measured != nullptr) {
    row += fmt::format(" {:>10} {:>11}", seconds_text(measured->seconds),
                       measured->memory > 0 ? bytes_text(measured->memory) : "");
  }
  return row;
}

std::string table_of_stages(const PlanResult& plan) {
  const int64_t limit = plan.settings.memory_limit;
  const bool compares = !plan.measured.stages.empty();
  std::string text = fmt::format("{:<20} {:<9} {:>8} {:>11} {:>10} {:>11}", "stage", "kind", "tokens", "work",
                                 "time", "memory/rank");
  text += compares ? fmt::format(" {:>10} {:>11}\n", "took", "used") : "\n";
  MeasuredStage all;
  double measured_flops = 0;
  for (const StagePlan& stage : plan.stages) {
    const auto found = plan.measured.stages.find(stage.name);
    const MeasuredStage measured = found == plan.measured.stages.end() ? MeasuredStage{} : found->second;
    const PlanTotals totals = totals_of(stage, limit);
    text += row_of(stage.name, std::string(word_of(stage.kind)), totals, compares ? &measured : nullptr);
    text += fmt::format("{}{}\n", totals.fits ? "" : "  DOES NOT FIT", stage.open_ended ? "  at least" : "");
    all.seconds += measured.seconds;
    all.memory = std::max(all.memory, measured.memory);
    if (measured.seconds > 0) measured_flops += totals.flops;
  }
  text += row_of("in all", "", plan.totals(), compares ? &all : nullptr) + "\n";
  if (compares && all.seconds > 0) {
    text += fmt::format("\nmeasured: {:.3g} TFLOP/s per rank over all of it, which --tflops plans with\n",
                        measured_flops / all.seconds / plan.ranks / 1e12);
  }
  return text + "\n";
}

std::string table_of_meshes(const PlanResult& plan) {
  if (plan.meshes.size() < 2) return "";
  const bool has_times = plan.settings.device.product > 0;
  std::string text = fmt::format("{:<26} {:>10} {:>10} {:>11}\n", fmt::format("{} ranks as", plan.ranks),
                                 "time", has_times ? "GPU hours" : "", "memory/rank");
  for (const MeshChoice& choice : plan.meshes) {
    if (!choice.refused.empty()) {
      text += fmt::format("{:<26} cannot be: {}\n", mesh_text(choice.mesh), choice.refused);
      continue;
    }
    const double hours = choice.totals.seconds * plan.ranks / 3600;
    text += fmt::format("{:<26} {:>10} {:>10} {:>11}{}\n", mesh_text(choice.mesh),
                        seconds_text(choice.totals.seconds), has_times ? fmt::format("{:.4g}", hours) : "",
                        bytes_text(choice.totals.memory), choice.totals.fits ? "" : "  does not fit");
  }
  const MeshChoice* best = cheapest(plan.meshes);
  if (best == nullptr) {
    text += fmt::format("none of them fits into {}\n", bytes_text(plan.settings.memory_limit));
  } else if (has_times) {
    text += fmt::format("cheapest that fits: --set {}\n",
                        fmt::join(mesh_settings(best->mesh, plan.settings.device.devices_a_host), " --set "));
  }
  return text + "\n";
}

std::string table_of_searches(const PlanResult& plan) {
  if (plan.searches.empty()) return "";
  std::string text = fmt::format("{:<36} {:>8} {:>10}\n", "searches with", "passes", "time");
  for (const SearchChoice& choice : plan.searches) {
    text += fmt::format("{:<36} {:>8} {:>10}{}\n",
                        fmt::format("seeds: {}, refine: {}", word_of(choice.seeds), word_of(choice.refine)),
                        format_count(choice.passes), seconds_text(choice.seconds),
                        choice.is_chosen ? "  as in the recipe" : "");
  }
  return text + "\n";
}

}  // namespace

std::string seconds_text(double seconds) {
  if (seconds <= 0) return "";
  if (seconds < 1) return fmt::format("{:.2g} s", seconds);
  if (seconds < 120) return fmt::format("{:.3g} s", seconds);
  if (seconds < 7200) return fmt::format("{:.3g} min", seconds / 60);
  return seconds < 48 * 3600 ? fmt::format("{:.3g} h", seconds / 3600)
                             : fmt::format("{:.3g} days", seconds / 86400);
}

std::string plan_text(const PlanResult& plan, bool details) {
  const DeviceRates& device = plan.settings.device;
  std::string text;
  for (const std::string& note : plan.notes) text += note + "\n";
  text += fmt::format("{}: {} parameters, {} x {}: {}\n{}\n\n", plan.recipe.name,
                      format_count(static_cast<double>(plan.config.num_parameters())), plan.ranks,
                      device.name, mesh_text(plan.settings.mesh),
                      device.source + (device.product > 0 ? "" : ": --tflops gives one for everything"));
  text += table_of_stages(plan);
  for (const StagePlan& stage : plan.stages) {
    if (details) text += details_of(stage, plan.settings.memory_limit);
    if (!totals_of(stage, plan.settings.memory_limit).fits) {
      text += what_would_help(stage, plan.settings.memory_limit);
    }
  }
  text += table_of_meshes(plan) + table_of_searches(plan);
  const PlanTotals all = plan.totals();
  text += fmt::format("in all: {} tokens, {}", format_count(all.tokens), flops_text(all.flops));
  if (all.seconds > 0) text += fmt::format(", {}", seconds_text(all.seconds));
  return text + "\n";
}

}  // namespace ropeway
