#include "launch/model_card.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "launch/build_info.h"
#include "launch/export_text.h"
#include "trainer/config/lengths.h"
#include "trainer/files/files.h"
#include "trainer/report/result_table.h"
#include "trainer/rope/factor_set.h"
#include "trainer/stages/run_record.h"

namespace ropeway {
namespace {

// Names and paths as they are, whatever marks of Markdown they hold; a row of a table stays one.
std::string code(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c == '`' || c == '\n' || c == '|'; }, '_');
  return "`" + text + "`";
}

std::string origin(const CardSubject& subject) {
  const ModelConfig& config = subject.model.config;
  const std::string window = format_length(config.original_window);
  if (subject.run == nullptr) return fmt::format("Its original window is {} tokens.", window);
  if (subject.run->base.empty()) return fmt::format("Pretrained from nothing at {} tokens.", window);
  return fmt::format("Base model: {}, with an original window of {} tokens.", code(subject.run->base),
                     window);
}

std::string row_of(const FactorSet& set, const std::string& weights) {
  const auto [low, high] = std::ranges::minmax(set.factors);
  return fmt::format("| {} | {} | {:.4g} to {:.4g} | {:.6g} | {}{} |\n", code(set.name),
                     format_length(set.max_length), low, high, set.attention_temperature,
                     set.history.method.empty() ? "-" : code(set.history.method),
                     is_for_weights(set, weights) ? "" : ", for earlier weights");
}

std::string lengths_of(const CardSubject& subject) {
  const ExportFactors& factors = subject.factors;
  const std::string window = format_length(subject.model.config.original_window);
  std::string text = fmt::format("`config.json` declares {} tokens", format_length(factors.max_length));
  if (!factors.long_set) {
    text += " and the original RoPE.\n";
  } else if (factors.short_set.name == factors.long_set->name) {
    text += fmt::format(" and has the factors of {} for every length, attention temperature {:.6g}.\n",
                        code(factors.long_set->name), factors.long_set->attention_temperature);
  } else {
    text += fmt::format(
        " and has the factors of {} for sequences of up to {} tokens, those of {} for longer ones, attention "
        "temperature {:.6g}.\n",
        code(factors.short_set.name), window, code(factors.long_set->name),
        factors.long_set->attention_temperature);
  }
  for (const std::string& note : subject.notes) text += "\n" + note + "\n";
  if (subject.model.sets.empty()) return text;
  text +=
      "\nAll sets, which `rope_factors.json` holds:\n\n"
      "| set | up to | factors | attention temperature | made by |\n|---|---|---|---|---|\n";
  for (const FactorSet& set : subject.model.sets) text += row_of(set, subject.model.weights);
  return text;
}

std::string evaluation_of(const RunRecord& run) {
  if (run.report.evaluations.empty()) return "The run evaluated nothing.\n";
  return "```\n" + result_table(run.report.evaluations) + "```\n";
}

std::string stages_of(const RunRecord& run) {
  std::string text = "| stage | kind | seconds | ranks |\n|---|---|---|---|\n";
  for (const StageRecord& stage : run.report.stages) {
    text +=
        fmt::format("| {} | {} | {:.0f} | {} |\n", code(stage.name), stage.kind, stage.seconds, stage.ranks);
  }
  if (!run.unfinished.empty()) {
    text += fmt::format("\n**The run was not finished**: {} had not been done.\n",
                        fmt::join(run.unfinished, ", "));
  }
  return text;
}

std::string making_of(const CardSubject& subject) {
  std::string text = fmt::format("ropeway {} ({}):\n\n```\n", kRopewayVersion, kGitHash);
  if (subject.run != nullptr) text += "ropeway run recipe.yaml\n";
  text += subject.command + "\n```\n";
  if (subject.run == nullptr) return text;
  return text +
         fmt::format("\n`recipe.yaml` has the SHA-256 `{}`, which its factor sets name too.\n\n",
                     sha256_of(subject.run->recipe)) +
         stages_of(*subject.run);
}

}  // namespace

std::string model_card(const CardSubject& subject) {
  std::string text =
      "---\nlibrary_name: transformers\ntags: [long-context, rope, longrope, ropeway]\n---\n\n";
  text += fmt::format("# {}\n\n{}\n\n{}\n\n", code(subject.name), model_line(subject.model), origin(subject));
  text += fmt::format("## Lengths\n\n{}\n", lengths_of(subject));
  if (subject.run != nullptr) text += fmt::format("## Evaluation\n\n{}\n", evaluation_of(*subject.run));
  return text + fmt::format("## How it was made\n\n{}", making_of(subject));
}

}  // namespace ropeway
