#include "launch/status_text.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "launch/ways_out.h"
#include "trainer/files/files.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using Progress = RecordedStage::Progress;
using Then = StageOutlook::Then;

const char* word_of(const StageOutlook& stage, bool in_this_run) {
  if (!in_this_run && stage.then != Then::kDone) return "not now";
  switch (stage.then) {
    case Then::kDone:
      return "done";
    case Then::kToDo:
      return "to do";
    case Then::kGoesOn:
      return "goes on";
    case Then::kAgain:
      return "again";
  }
  return "";
}

// Lines of the log are evaluations.
std::string progress_of_search(const fs::path& folder) {
  std::error_code absent;
  if (!fs::exists(folder / "search.jsonl", absent)) return "";
  const std::string log = read_text_file(folder / "search.jsonl");
  return fmt::format("after {} evaluations", std::ranges::count(log, '\n'));
}

std::string progress(const Recipe& recipe, const StageRecipe& stage, const StageOutlook& outlook) {
  if (outlook.then != Then::kGoesOn) return "";
  if (is_training(stage.kind())) {
    return fmt::format("after step {} of {}", outlook.goes_on_after, stage.train().steps);
  }
  if (is_searching(stage.kind())) return progress_of_search(fs::path(recipe.run_dir) / "stages" / stage.name);
  return "figures that are there are kept";
}

std::vector<std::string> details(const Recipe& recipe, const StageRecipe& stage,
                                 const StageOutlook& outlook) {
  std::vector<std::string> lines;
  const std::string how_far = progress(recipe, stage, outlook);
  if (!how_far.empty()) lines.push_back(how_far);
  for (const StageChange& change : outlook.changes) lines.push_back(describe(change));
  for (const std::string& maker : outlook.follows)
    lines.push_back(fmt::format("starts from {}, made anew", maker));
  return lines;
}

}  // namespace

std::string status_text(const Recipe& recipe, const RunOutlook& outlook, bool dry) {
  size_t width = 0;
  for (const StageRecipe& stage : recipe.stages) width = std::max(width, stage.name.size());
  std::string text = fmt::format("{}: run of the recipe {}\n", recipe.run_dir, recipe.name);
  for (size_t i = 0; i < recipe.stages.size(); ++i) {
    const StageRecipe& stage = recipe.stages[i];
    const StageOutlook& now = outlook.stages[i];
    std::string line = fmt::format("  {:<{}}  {:<8}  {:<7}", stage.name, width, word_of(stage.kind()),
                                   word_of(now, outlook.to_run[i]));
    const size_t indent = line.size() + 2;
    std::vector<std::string> lines = details(recipe, stage, now);
    if (!lines.empty()) line += "  " + lines.front();
    text += fmt::format("{}\n", line.substr(0, line.find_last_not_of(' ') + 1));
    for (size_t k = 1; k < lines.size(); ++k) text += fmt::format("{:{}}{}\n", "", indent, lines[k]);
  }
  for (const std::string& folder : outlook.strangers) {
    text += fmt::format("  stages/{} is of no stage of the recipe\n", folder);
  }
  if (outlook.to_accept.empty()) return text;
  return text +
         fmt::format("{}: {}\n", dry ? "would be refused" : "a run is refused", words_for_changed_run());
}

}  // namespace ropeway
