#include "trainer/page/page_sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "trainer/charts/number_text.h"
#include "trainer/charts/svg.h"
#include "trainer/page/html.h"
#include "trainer/report/evaluations.h"
#include "trainer/rope/schedules.h"

namespace ropeway::page {
namespace {

using charts::escaped;
using charts::length_text;

std::string tile(const std::string& figure, const std::string& words) {
  return fmt::format("<div class=\"tile\"><b>{}</b><span>{}</span></div>", escaped(figure), escaped(words));
}

int64_t longest_measured(const RunData& run, const std::string& model,
                         bool (*measured)(const EvaluationRecord&)) {
  int64_t length = 0;
  for (const EvaluationRecord& record : run.report.evaluations) {
    if (record.model == model && measured(record)) length = std::max(length, record.length);
  }
  return length;
}

std::string bits_text(const EvaluationRecord& record) {
  std::string text = fmt::format("{:.3f}", record.bits_per_byte);
  if (const auto& interval = record.bits_interval) {
    text += fmt::format(" \u00b1 {:.3f}", (interval->high - interval->low) / 2);
  }
  return text;
}

// The figures of the model that the run made at the greatest length: of the tuned one where it tuned one, else of the
// base under factors that it found.
const EvaluationRecord* farthest(const RunData& run, bool (*measured)(const EvaluationRecord&)) {
  const bool tuned = longest_measured(run, "tuned", measured) > 0;
  const std::string model = tuned ? "tuned" : "base";
  return best_evaluation(run.report.evaluations, model, "", longest_measured(run, model, measured), measured);
}

std::string window_tile(const RunData& run) {
  int64_t longest = 0;
  for (const FactorSet& set : run.sets) longest = std::max(longest, set.max_length);
  const int64_t window = run.report.base_window;
  if (window <= 0 || longest <= window) return "";
  return tile(fmt::format("{} \u2192 {}", length_text(static_cast<double>(window)),
                          length_text(static_cast<double>(longest))),
              fmt::format("tokens of window, {:.3g} times the base model's",
                          static_cast<double>(longest) / static_cast<double>(window)));
}

std::string time_tile(const RunData& run) {
  double seconds = 0;
  int64_t done = 0;
  for (const PageStage& stage : run.stages) {
    seconds += stage.seconds;
    done += stage.finished ? 1 : 0;
  }
  return tile(charts::duration_text(seconds), fmt::format("in {} of {} stages", done, run.stages.size()));
}

}  // namespace

std::string tiles_html(const RunData& run) {
  std::string html = "<div class=\"tiles\">" + window_tile(run);
  const auto length_of = [](const EvaluationRecord& record) {
    return length_text(static_cast<double>(record.length));
  };
  if (const EvaluationRecord* far = farthest(run, has_bits)) {
    html += tile(bits_text(*far), fmt::format("bits per byte at {} ({})", length_of(*far), far->factors));
  }
  const EvaluationRecord* base =
      best_evaluation(run.report.evaluations, "base", kOriginalRope, run.report.base_window, has_bits);
  if (base != nullptr) {
    html += tile(bits_text(*base),
                 fmt::format("bits per byte of the base model at {}, its window", length_of(*base)));
  }
  if (const EvaluationRecord* far = farthest(run, has_passkey)) {
    std::string words = fmt::format("of passkeys found at {}", length_of(*far));
    if (const auto& interval = far->passkey_interval) {
      words += fmt::format(", 95 % interval {} to {}", charts::share_text(interval->low),
                           charts::share_text(interval->high));
    }
    html += tile(charts::share_text(far->passkey), words);
  }
  return html + time_tile(run) + "</div>";
}

std::string samples_html(const RunData& run) {
  std::string html;
  for (const SampleText& sample : run.samples) {
    html += fmt::format("<div class=\"sample\"><p class=\"note\">{}</p><p>{}</p></div>", escaped(sample.name),
                        escaped(sample.text));
  }
  return html;
}

std::string record_html(const RunData& run) {
  std::vector<std::pair<std::string, std::string>> facts = {
      {"folder", run.folder.string()}, {"base model", run.base.empty() ? "pretrained in the run" : run.base}};
  for (const auto& item : run.environment) facts.push_back(item);
  std::set<std::string> recipes, data;
  charts::Table sets{
      .head = {"set", "made by", "stage", "from", "for", "temperature", "weights", "search log", "data"},
      .rows = {},
      .text_columns = 4};
  for (const FactorSet& set : run.sets) {
    const FactorHistory& history = set.history;
    const auto start_of = [](const std::string& hash) { return hash.substr(0, 8); };
    if (!history.recipe_sha256.empty()) recipes.insert(history.recipe_sha256);
    if (!history.data_fingerprint.empty()) data.insert(history.data_fingerprint);
    sets.rows.push_back({set.name, history.method, history.stage, history.parent,
                         length_text(static_cast<double>(set.max_length)),
                         charts::figure_text(set.attention_temperature), set.weights,
                         start_of(history.search_sha256), start_of(history.data_fingerprint)});
  }
  for (const std::string& hash : recipes) facts.emplace_back("recipe SHA-256", hash);
  for (const std::string& print : data) facts.emplace_back("data fingerprint", print);
  std::string html = list_html(facts);
  for (const std::string& part : run.left_out) {
    html += fmt::format("<p class=\"note\">Not on this page: {}</p>", escaped(part));
  }
  std::string commands;
  for (const std::string& command : run.report.commands) commands += command + "\n";
  if (!commands.empty())
    html += fmt::format("<h3>Commands</h3><pre class=\"wrap\" tabindex=\"0\">{}</pre>", escaped(commands));
  if (!sets.rows.empty())
    html += "<h3>Factor sets</h3>" + table_html(sets, "Factor sets and what they were made from");
  return html + "<h3>Recipe</h3>" + folded_text("recipe.yaml, with every default", run.recipe);
}

}  // namespace ropeway::page
