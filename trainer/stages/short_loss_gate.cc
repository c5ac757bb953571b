#include "trainer/stages/short_loss_gate.h"

#include <algorithm>
#include <map>
#include <set>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/benchmarks/benchmark.h"

namespace ropeway {
namespace {

// The least bits per byte of the stage at the window; nullopt: it has none.
std::optional<double> best_bits(const RunReport& report, const std::string& stage, int64_t window) {
  std::optional<double> best;
  for (const EvaluationRecord& record : report.evaluations) {
    if (record.stage != stage || record.length != window || record.bits_per_byte < 0) continue;
    best = std::min(best.value_or(record.bits_per_byte), record.bits_per_byte);
  }
  return best;
}

// By factor set: accuracy by file of questions.
using Accuracies = std::map<std::string, std::map<std::string, double>>;
Accuracies accuracies(const RunReport& report, const std::string& stage) {
  Accuracies found;
  for (const BenchmarkRecord& record : report.benchmarks) {
    if (record.stage != stage || record.benchmark != word_of(BenchmarkKind::kChoices)) continue;
    found[record.factors][record.task] = number_of(record.numbers, "accuracy");
  }
  return found;
}

// The files that every set of both stages was scored on.
std::set<std::string> files_in_common(const Accuracies& before, const Accuracies& now) {
  std::set<std::string> common;
  if (before.empty() || now.empty()) return common;
  for (const auto& [file, accuracy] : now.begin()->second) common.insert(file);
  for (const Accuracies* all : {&before, &now}) {
    for (const auto& [factors, by_file] : *all) {
      std::erase_if(common, [&](const std::string& file) { return !by_file.contains(file); });
    }
  }
  return common;
}

double best_mean(const Accuracies& all, const std::set<std::string>& files) {
  double best = 0;
  for (const auto& [factors, by_file] : all) {
    double sum = 0;
    for (const std::string& file : files) sum += by_file.at(file);
    best = std::max(best, sum / static_cast<double>(files.size()));
  }
  return best;
}

const StageRecipe& compared_stage(const RunState& state, const StageRecipe& stage) {
  const std::string& named = stage.evaluate().benchmarks.gate_against;
  for (const StageRecipe& other : state.recipe.stages) {
    if (named.empty() ? other.kind() == StageKind::kEvaluate : other.name == named) return other;
  }
  fail(ErrorKind::kInternal, "stage {}: no stage to compare with", stage.name);
}

bool has_gate(const StageRecipe& stage) { return stage.evaluate().benchmarks.max_short_loss >= 0; }

std::string text_of(const ShortLoss& loss, const char* what) {
  return fmt::format("{} {:.4f} -> {:.4f} ({:+.2f} %)", what, loss.before, loss.now,
                     100 * (loss.now / loss.before - 1));
}

}  // namespace

double ShortLoss::loss() const {
  if (before == 0) return 0;
  return is_accuracy ? 1 - now / before : now / before - 1;
}

ShortLosses short_losses(const RunReport& report, const std::string& before, const std::string& now,
                         int64_t window) {
  ShortLosses losses;
  const auto bits_before = best_bits(report, before, window), bits_now = best_bits(report, now, window);
  if (bits_before && bits_now) losses.bits_per_byte = {.before = *bits_before, .now = *bits_now};
  const Accuracies accuracy_before = accuracies(report, before), accuracy_now = accuracies(report, now);
  const std::set<std::string> files = files_in_common(accuracy_before, accuracy_now);
  if (!files.empty()) {
    losses.accuracy = {.before = best_mean(accuracy_before, files),
                       .now = best_mean(accuracy_now, files),
                       .is_accuracy = true};
  }
  return losses;
}

void apply_gate(const RunState& state, const StageRecipe& stage) {
  if (!has_gate(stage)) return;
  run_on_rank(state.mesh.world(), 0, [&] {
    const StageRecipe& against = compared_stage(state, stage);
    const int64_t window = state.config.original_window;
    const ShortLosses found = short_losses(state.reporter->report(), against.name, stage.name, window);
    std::vector<std::string> figures;
    double worst = 0;
    const auto add = [&](const std::optional<ShortLoss>& loss, const std::string& what) {
      if (!loss) return;
      figures.push_back(text_of(*loss, what.c_str()));
      worst = std::max(worst, loss->loss());
    };
    add(found.bits_per_byte, fmt::format("bits per byte at {} tokens", window));
    add(found.accuracy, "accuracy");
    if (figures.empty()) {
      fail(ErrorKind::kGate, "stage {}: stage {} left no figure of short inputs to compare with", stage.name,
           against.name);
    }
    const double allowed = stage.evaluate().benchmarks.max_short_loss;
    const std::string text = fmt::format("{} against stage {}", fmt::join(figures, ", "), against.name);
    if (worst <= allowed) {
      log_info("{}: short inputs: {}; within {:.4g} %", stage.name, text, 100 * allowed);
      return;
    }
    state.reporter->write_report(window);
    fail(ErrorKind::kGate, "stage {}: short inputs got worse by {:.2f} %, at most {:.4g} % is allowed: {}",
         stage.name, 100 * worst, 100 * allowed, text);
  });
}

}  // namespace ropeway
