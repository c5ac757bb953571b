#include "trainer/stages/run_comparison.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "kernels/base/error.h"
#include "trainer/config/choices.h"
#include "trainer/stages/run_refusals.h"
#include "trainer/stages/stage_inputs.h"

namespace ropeway {
namespace {

using Progress = RecordedStage::Progress;
using Then = StageOutlook::Then;

using Place = std::pair<IdentityKind, std::string>;
using Parts = std::map<Place, const IdentityPart*>;

Parts parts_by_place(const StageIdentity& identity, const std::set<IdentityKind>& unknown) {
  Parts parts;
  for (const IdentityPart& part : identity.parts) {
    if (!unknown.contains(part.kind)) parts[{part.kind, part.key}] = &part;
  }
  return parts;
}

std::string value_in(const Parts& parts, const Place& place) {
  const auto found = parts.find(place);
  return found == parts.end() ? "" : found->second->value;
}

std::vector<StageChange> changed_parts(const StageIdentity& before, const StageIdentity& now) {
  std::set<IdentityKind> unknown(before.unknown.begin(), before.unknown.end());
  unknown.insert(now.unknown.begin(), now.unknown.end());
  const Parts then_parts = parts_by_place(before, unknown), now_parts = parts_by_place(now, unknown);
  std::vector<StageChange> changes;
  // In the order of the identities, which is that of the recipe's keys.
  for (const auto* identity : {&now, &before}) {
    for (const IdentityPart& part : identity->parts) {
      const Place place{part.kind, part.key};
      if (unknown.contains(part.kind) || (identity == &before && now_parts.contains(place))) continue;
      const std::string was = value_in(then_parts, place), is = value_in(now_parts, place);
      if (was == is || (part.is_default && !then_parts.contains(place))) continue;
      changes.push_back({.kind = part.kind, .key = part.key, .before = was, .now = is});
    }
  }
  return changes;
}

// Who makes what, not what was made.
std::vector<StageChange> changed_makers(const StageIdentity& before, const StageIdentity& now) {
  std::map<std::string, std::string> makers_before, makers_now;
  for (const StageInput& input : before.inputs) makers_before[input.what] = input.maker;
  for (const StageInput& input : now.inputs) makers_now[input.what] = input.maker;
  std::vector<StageChange> changes;
  const auto words = [](const std::map<std::string, std::string>& makers, const std::string& what) {
    const auto found = makers.find(what);
    return found == makers.end() ? "" : fmt::format("of stage {}", found->second);
  };
  std::set<std::string> all;
  for (const auto& [what, maker] : makers_before) all.insert(what);
  for (const auto& [what, maker] : makers_now) all.insert(what);
  for (const std::string& what : all) {
    const std::string was = words(makers_before, what), is = words(makers_now, what);
    if (was != is) changes.push_back({.key = what, .before = was, .now = is, .is_input = true});
  }
  return changes;
}

bool is_steps(const StageChange& change) {
  return change.kind == IdentityKind::kOption && !change.is_input && !change.is_result &&
         change.key == kStepsKey;
}

int64_t number(const std::string& text) { return text.empty() ? 0 : std::stoll(text); }

class Comparison {
 public:
  Comparison(const std::vector<WantedStage>& wanted, const std::vector<RecordedStage>& recorded,
             const std::optional<GoBack>& go_back)
      : wanted_(wanted), recorded_(recorded), go_back_(go_back) {}

  std::vector<StageOutlook> run() {
    for (size_t i = 0; i < wanted_.size(); ++i) {
      outlook_.push_back(stage(wanted_[i], recorded_[i]));
      if (outlook_.back().then == Then::kDone) made_[wanted_[i].name] = recorded_[i].result;
    }
    return outlook_;
  }

 private:
  StageOutlook stage(const WantedStage& wanted, const RecordedStage& recorded) {
    StageOutlook outlook{.name = wanted.name, .kind = wanted.kind, .was = recorded.progress};
    const bool goes_back = go_back_ && go_back_->stage == wanted.name;
    if (recorded.progress == Progress::kNone) {
      if (goes_back) outlook.cannot_go_back = "nothing of it is there";
      return outlook;
    }
    outlook.changes = changed_parts(recorded.identity, wanted.identity);
    const auto makers = changed_makers(recorded.identity, wanted.identity);
    outlook.changes.insert(outlook.changes.end(), makers.begin(), makers.end());
    add_lost_result(recorded, outlook);
    outlook.follows = made_anew(recorded.identity, wanted.identity);
    decide(wanted, recorded, outlook);
    if (goes_back) go_back(recorded, outlook);
    return outlook;
  }

  static void add_lost_result(const RecordedStage& recorded, StageOutlook& outlook) {
    if (recorded.progress != Progress::kDone || outlook.kind == StageKind::kEvaluate) return;
    if (recorded.result_now == recorded.result) return;
    outlook.changes.push_back({.key = is_training(outlook.kind) ? "the model it made" : "the factors it made",
                               .before = recorded.result,
                               .now = recorded.result_now,
                               .is_result = true});
  }

  // Makers of inputs that are not done, or made something else since.
  std::vector<std::string> made_anew(const StageIdentity& recorded, const StageIdentity& wanted) const {
    std::vector<std::string> stages;
    for (const StageInput& input : wanted.inputs) {
      const auto made = made_.find(input.maker);
      const auto used = std::ranges::find_if(recorded.inputs, [&](const StageInput& other) {
        return other.what == input.what && other.maker == input.maker;
      });
      if (used == recorded.inputs.end()) continue;  // a change of makers
      const bool same = made != made_.end() && made->second == used->made;
      if (!same && std::ranges::find(stages, input.maker) == stages.end()) stages.push_back(input.maker);
    }
    return stages;
  }

  static void decide(const WantedStage& wanted, const RecordedStage& recorded, StageOutlook& outlook) {
    const bool done = recorded.progress == Progress::kDone;
    const bool unchanged = outlook.changes.empty() && outlook.follows.empty();
    const bool only_steps =
        outlook.follows.empty() && !outlook.changes.empty() && std::ranges::all_of(outlook.changes, is_steps);
    const int64_t taken = done ? number(recorded.identity.option(kStepsKey)) : recorded.steps;
    outlook.goes_on_after = recorded.steps;
    if (unchanged) {
      outlook.then = done ? Then::kDone : Then::kGoesOn;
    } else if (is_training(wanted.kind) && only_steps && number(wanted.identity.option(kStepsKey)) >= taken) {
      outlook.then = Then::kGoesOn;
    } else {
      outlook.then = Then::kAgain;
      outlook.has_to_be_accepted = !outlook.changes.empty() && wanted.kind != StageKind::kEvaluate;
    }
  }

  // A command that is given again after it was stopped goes on from where it came to.
  void go_back(const RecordedStage& recorded, StageOutlook& outlook) const {
    const bool was_done_before = recorded.went_back_to == go_back_->step && outlook.changes.empty();
    if (was_done_before && outlook.then != Then::kAgain) return;
    if (!is_training(outlook.kind)) {
      outlook.cannot_go_back = "it has no checkpoints";
    } else if (!outlook.follows.empty()) {
      outlook.cannot_go_back = fmt::format("it starts from {}, made anew", fmt::join(outlook.follows, ", "));
    }
    for (const StageChange& change : outlook.changes) {
      const bool is_option = change.kind == IdentityKind::kOption && !change.is_input;
      const bool is_free = change.is_result || (is_option && change.key != "kind" && change.key != "from" &&
                                                change.key != "moments");
      if (!is_free) outlook.cannot_go_back = fmt::format("it is of another {}", describe(change));
    }
    if (!outlook.cannot_go_back.empty()) return;
    outlook.then = Then::kGoesOn;
    outlook.has_to_be_accepted = false;
    outlook.goes_on_after = go_back_->step;
    outlook.goes_back = true;
  }

  const std::vector<WantedStage>& wanted_;
  const std::vector<RecordedStage>& recorded_;
  const std::optional<GoBack>& go_back_;
  std::vector<StageOutlook> outlook_;
  std::map<std::string, std::string> made_;  // by the stages that are done and stay so
};

std::string shown(const std::string& value) {
  if (value.empty()) return "nothing";
  const bool is_hash =
      value.size() == 64 && std::ranges::all_of(value, [](unsigned char c) { return std::isxdigit(c) != 0; });
  if (is_hash) return fmt::format("SHA-256 {}...", value.substr(0, 12));
  constexpr size_t kMost = 80;
  return value.size() <= kMost ? value : fmt::format("{}...", value.substr(0, kMost));
}

}  // namespace

std::string describe(const StageChange& change) {
  const bool is_key = change.kind == IdentityKind::kOption || change.kind == IdentityKind::kRecipe ||
                      change.is_input || change.is_result;
  return fmt::format("{}{}: there {}, here {}", is_key ? "" : fmt::format("{}: ", word_of(change.kind)),
                     change.key, shown(change.before), shown(change.now));
}

std::vector<StageOutlook> compare_run(const std::vector<WantedStage>& wanted,
                                      const std::vector<RecordedStage>& recorded,
                                      const std::optional<GoBack>& go_back) {
  ROPEWAY_CHECK(wanted.size() == recorded.size(), "{} stages and {} records", wanted.size(), recorded.size());
  return Comparison(wanted, recorded, go_back).run();
}

std::vector<bool> stages_to_run(const std::vector<WantedStage>& wanted,
                                const std::vector<StageOutlook>& outlook,
                                const std::vector<std::string>& only, bool with_makers) {
  std::map<std::string, size_t> index;
  for (size_t i = 0; i < wanted.size(); ++i) index[wanted[i].name] = i;
  std::vector<bool> runs(wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    const bool is_wanted = only.empty() || std::ranges::find(only, wanted[i].name) != only.end();
    runs[i] = is_wanted && outlook[i].then != Then::kDone;
  }
  // Backwards: a maker comes before what starts from it, and may need makers itself.
  std::vector<std::string> missing;
  for (size_t i = wanted.size(); i-- > 0;) {
    if (!runs[i]) continue;
    for (const StageInput& input : wanted[i].identity.inputs) {
      const size_t maker = index.at(input.maker);
      if (runs[maker] || outlook[maker].then == Then::kDone) continue;
      if (with_makers) {
        runs[maker] = true;
      } else {
        missing.push_back(fmt::format("stage {} needs {} of stage {}, which is not {}", wanted[i].name,
                                      input.what, input.maker,
                                      outlook[maker].was == Progress::kDone ? "up to date" : "done"));
      }
    }
  }
  if (!missing.empty()) {
    throw InputsNotMade(fmt::format("{}", fmt::join(missing, "; ")));
  }
  return runs;
}

std::vector<std::string> changes_to_accept(const std::vector<StageOutlook>& outlook,
                                           const std::vector<bool>& to_run) {
  std::vector<std::string> texts, again;
  std::map<std::string, std::vector<std::string>> stages_of;  // by text
  bool asks = false;
  for (size_t i = 0; i < outlook.size(); ++i) {
    const StageOutlook& stage = outlook[i];
    if (!to_run[i] || stage.then != Then::kAgain) continue;
    const char* const was = stage.was == Progress::kDone ? "finished" : "half done";
    again.push_back(fmt::format("{} ({}, {})", stage.name, word_of(stage.kind), was));
    if (!stage.has_to_be_accepted) continue;
    asks = true;
    for (const StageChange& change : stage.changes) {
      const std::string text = describe(change);
      if (!stages_of.contains(text)) texts.push_back(text);
      stages_of[text].push_back(stage.name);
    }
  }
  if (!asks) return {};
  std::vector<std::string> lines;
  for (const std::string& text : texts) {
    const auto& stages = stages_of[text];
    lines.push_back(
        fmt::format("stage{} {}: {}", stages.size() == 1 ? "" : "s", fmt::join(stages, ", "), text));
  }
  lines.push_back(fmt::format("would be done again: {}", fmt::join(again, ", ")));
  return lines;
}

}  // namespace ropeway
