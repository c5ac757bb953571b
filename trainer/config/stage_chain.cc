#include "trainer/config/stage_chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "trainer/config/lengths.h"
#include "trainer/config/nearest_word.h"
#include "trainer/config/recipe_checks.h"

namespace ropeway {
namespace {

// rope/computed_names.h has them as well.
const std::vector<std::string>& computed_names() {
  static const std::vector<std::string> names = {"none", "pi",          "ntk",        "dynamic_ntk",
                                                 "yarn", "llama3_ramp", "mrrope_uni", "mrrope_pro",
                                                 "cope", "hard_clip",   "drope"};
  return names;
}
bool is_reserved(const std::string& name) {
  return name == "auto" || name == "base" ||
         std::find(computed_names().begin(), computed_names().end(), name) != computed_names().end();
}

// What config.json of a model that was extended already describes (formats/hf/rope_types.h).
bool is_described_name(const std::string& name) {
  static const std::set<std::string> names = {"short", "long", "linear", "yarn", "llama3"};
  return names.count(name) > 0;
}

// Of a stage that makes a set; 0 when it was not understood.
int64_t length_of(const StageRecipe& stage) { return lengths_of(stage).front(); }

class Chain {
 public:
  Chain(const Recipe& recipe, const ChainStart& start, RecipeProblems& problems)
      : recipe_(recipe), problems_(problems), window_(start.original_window) {
    for (const std::string& name : recipe.model.sets) sets_[name] = {.made_by = "model.sets"};
    for (const SetToStartFrom& set : start.sets) {
      sets_[set.name] = {
          .length = set.length, .made_by = "the model", .trained = set.trained, .is_of_model = true};
      if (!set.tuned || !set.trained) continue;
      tuned_set_ = set.name;
      keeps_original_ = set.keeps_original;
    }
    model_is_known_ = start.model_is_known;
    described_may_exist_ = !start.model_is_known && !recipe.model.has_architecture;
  }

  void check() {
    for (size_t i = 0; i < recipe_.stages.size(); ++i) {
      check_name(i);
      if (!kind_is_known(i, problems_)) continue;
      const StageRecipe& stage = recipe_.stages[i];
      if (stage.kind() == StageKind::kEvaluate) {
        check_evaluated_sets(i);
        check_gate(i);
        continue;
      }
      if (stage.kind() == StageKind::kPretrain) {
        check_pretraining(i);
        continue;
      }
      check_from(i);
      check_length(i);
      add_made(i);
    }
  }

 private:
  struct Set {
    int64_t length = 0;  // tokens it is for; 0: unknown
    std::string made_by;
    bool trained = true;       // weights were trained under it
    size_t weights = 0;        // which: those the recipe begins with, or those of fine-tune 1, 2, ...
    bool is_of_model = false;  // there before the first stage
  };

  void check_name(size_t i) {
    const std::string& name = recipe_.stages[i].name;
    if (name.empty()) return;
    const auto [first, is_new] = stage_names_.emplace(name, i);
    if (!is_new) {
      problems_.add(stage_path(i, "name"),
                    fmt::format("found {} again, wanted a name of its own; {} has it too", name,
                                stage_path(first->second)));
    }
  }

  // "; did you mean searched_2k?" or the place further down that makes the set.
  std::string hint(const std::string& name, size_t i) const {
    for (size_t later = i; later < recipe_.stages.size(); ++later) {
      if (recipe_.stages[later].makes == name) {
        return later == i ? "; this stage makes it itself"
                          : fmt::format("; {} makes it later", stage_path(later));
      }
    }
    std::vector<std::string> names = {"none"};
    for (const auto& [known, set] : sets_) names.push_back(known);
    const std::string nearest = nearest_word(name, names);
    return nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest);
  }

  // The length that the factors of a formula are for, where a fine-tune starts from one; else 0.
  static int64_t formula_target(const StageRecipe& stage) {
    return stage.kind() == StageKind::kFinetune ? stage.train().target : 0;
  }

  void check_formula(size_t i) {
    const StageRecipe& stage = recipe_.stages[i];
    const std::vector<std::string> formulas(computed_names().begin() + 1, computed_names().end());
    if (std::ranges::count(formulas, stage.from) == 0) {
      problems_.add(stage_path(i, "target"),
                    fmt::format("found it beside from: {}, wanted it where from names a formula, {}; a set "
                                "knows what it is for",
                                stage.from, join_words(formulas)));
    } else if (window_ > 0 && stage.train().target <= window_) {
      problems_.add(stage_path(i, "target"),
                    fmt::format("found {}, wanted more than the original window of {}",
                                format_length(stage.train().target), format_length(window_)));
    }
  }

  void check_from(size_t i) {
    if (formula_target(recipe_.stages[i]) > 0) return check_formula(i);
    const std::string& from = recipe_.stages[i].from;
    if (from == "none" && is_searching(recipe_.stages[i].kind())) check_search_from_none(i);
    if (from.empty() || from == "none") return;
    const auto set = sets_.find(from);
    if (set != sets_.end()) {
      if (is_searching(recipe_.stages[i].kind())) check_search_start(i, set->second);
      return;
    }
    if (described_may_exist_ && is_described_name(from)) return;
    if (recipe_.stages[i].kind() == StageKind::kFinetune && std::ranges::count(computed_names(), from) > 0) {
      problems_.add(
          stage_path(i, "target"),
          fmt::format("found nothing, wanted the length in tokens that the formula {} is for", from));
      return;
    }
    problems_.add(
        stage_path(i, "from"),
        fmt::format("found {}, wanted none, a set made by a stage before, or one named in model.sets{}", from,
                    hint(from, i)));
  }

  // Tuned weights have seen the original RoPE in no sequence, or in short ones alone: what is found for it is
  // not for them. A fine-tune may start from it, and brings it back.
  void check_search_from_none(size_t i) {
    const bool readjusts = recipe_.stages[i].kind() == StageKind::kReadjust;
    if (tuned_set_.empty() || (keeps_original_ && readjusts)) return;
    problems_.add(
        stage_path(i, "from"),
        fmt::format("found none, the original RoPE, which the weights {}, "
                    "wanted {}, the set that they were tuned under",
                    keeps_original_ ? "know within their original window only" : "have been tuned away from",
                    tuned_set_));
  }

  // What a search finds multiplies the factors the weights were trained under.
  void check_search_start(size_t i, const Set& set) {
    const std::string& from = recipe_.stages[i].from;
    if (!set.trained) {
      problems_.add(stage_path(i, "from"),
                    fmt::format("found {}, which no fine-tune made, wanted none or the set the weights were "
                                "tuned under",
                                from));
    } else if (set.weights != weights_) {
      problems_.add(
          stage_path(i, "from"),
          fmt::format("found {}, which is for the weights before the fine-tune {}, wanted {}, the set "
                      "that this one made",
                      from, stage_path(tuned_by_), recipe_.stages[tuned_by_].makes));
    }
  }

  void check_pretraining(size_t i) {
    const int64_t length = length_of(recipe_.stages[i]);
    if (window_ == 0 || length <= window_) return;
    refuse_length(i, fmt::format("at most the window of {}", format_length(window_)));
  }

  void check_evaluated_sets(size_t i) {
    const auto& factors = recipe_.stages[i].evaluate().factors;
    for (size_t k = 0; k < factors.size(); ++k) {
      const bool stretched = factors[k].rfind("stretched:", 0) == 0;
      const std::string name = stretched ? factors[k].substr(10) : factors[k];
      const bool computed =
          std::find(computed_names().begin(), computed_names().end(), name) != computed_names().end();
      if (sets_.count(name) > 0 || (!stretched && (computed || name == "auto"))) continue;
      if (described_may_exist_ && is_described_name(name)) continue;
      problems_.add(
          stage_path(i, "factors"),
          fmt::format("found {}, wanted auto, {}, a set made by a stage before, or one named in model.sets{}",
                      factors[k], fmt::join(computed_names(), ", "), hint(name, i)));
    }
  }

  // A gate compares with an evaluation before it.
  void check_gate(size_t i) {
    const BenchmarkRecipe& benchmarks = recipe_.stages[i].evaluate().benchmarks;
    std::vector<std::string> before;
    for (size_t k = 0; k < i; ++k) {
      if (recipe_.stages[k].kind() == StageKind::kEvaluate) before.push_back(recipe_.stages[k].name);
    }
    if (benchmarks.max_short_loss < 0) {
      if (!benchmarks.gate_against.empty()) {
        problems_.add(stage_path(i, "gate.max_short_loss"),
                      "found nothing, wanted a share such as 1% or 0.01");
      }
      return;
    }
    if (before.empty()) {
      problems_.add(stage_path(i, "gate.max_short_loss"),
                    "found no evaluate stage before this one, wanted one to compare with");
    } else if (!benchmarks.gate_against.empty() &&
               std::find(before.begin(), before.end(), benchmarks.gate_against) == before.end()) {
      problems_.add(stage_path(i, "gate.against"),
                    fmt::format("found {}, wanted an evaluate stage before this one: {}",
                                benchmarks.gate_against, join_words(before)));
    } else if (model_is_known_) {
      check_gate_figures(i, benchmarks.gate_against.empty() ? before.front() : benchmarks.gate_against);
    }
  }

  bool scores_window(const EvaluateRecipe& stage) const {
    return stage.measures(EvaluateTask::kPerplexity) && std::ranges::count(stage.lengths, window_) > 0;
  }
  MarkChoice bos_of(const EvaluateRecipe& stage) const {
    return stage.bos == MarkChoice::kAuto ? recipe_.data.bos : stage.bos;
  }

  // Figures of short inputs compare where both stages have them, of the same windows or questions.
  void check_gate_figures(size_t i, const std::string& other) {
    const EvaluateRecipe& now = recipe_.stages[i].evaluate();
    const EvaluateRecipe& before = std::ranges::find(recipe_.stages, other, &StageRecipe::name)->evaluate();
    const bool bits = scores_window(now) && scores_window(before);
    const bool accuracy = std::ranges::any_of(now.benchmarks.requests, [&](const std::string& file) {
      return std::ranges::count(before.benchmarks.requests, file) > 0;
    });
    if (!bits && !accuracy) {
      problems_.add(
          stage_path(i, "gate"),
          fmt::format(
              "found no figure of short inputs that stage {} has, too: wanted the task perplexity at the "
              "original window of {} tokens, or the same requests, in both",
              other, window_));
      return;
    }
    const auto differ = [&](const char* key, const std::string& found, const std::string& wanted) {
      if (found == wanted) return;
      problems_.add(stage_path(i, key),
                    fmt::format("found {}, wanted {} as in stage {}, which the gate compares with", found,
                                wanted, other));
    };
    const auto same_number = [&](const char* key, int64_t found, int64_t wanted) {
      differ(key, fmt::format("{}", found), fmt::format("{}", wanted));
    };
    differ("bos", std::string(word_of(bos_of(now))), std::string(word_of(bos_of(before))));
    if (accuracy) same_number("request_limit", now.benchmarks.request_limit, before.benchmarks.request_limit);
    if (!bits) return;
    same_number("windows", now.windows, before.windows);
    same_number("tokens", now.tokens, before.tokens);
    same_number("target_tokens", now.target_tokens, before.target_tokens);
    same_number("stride", now.stride, before.stride);
    const auto reach = [](const EvaluateRecipe& stage) {
      const std::vector<int64_t> aligned = stage.aligned_lengths();
      return aligned.empty() ? std::string("windows that are not aligned")
                             : fmt::format("windows aligned from {} to {}", format_length(aligned.front()),
                                           format_length(aligned.back()));
    };
    differ("aligned_with", reach(now), reach(before));
  }

  int64_t length_from(const StageRecipe& stage) const {
    if (formula_target(stage) > 0) return formula_target(stage);
    const auto set = sets_.find(stage.from);
    return set == sets_.end() ? 0 : set->second.length;
  }

  void refuse_length(size_t i, const std::string& wanted) {
    problems_.add(stage_path(i, "length"),
                  fmt::format("found {}, wanted {}", format_length(length_of(recipe_.stages[i])), wanted));
  }

  // A search goes beyond what the weights were trained at, and beyond what was searched before.
  void check_search_length(size_t i) {
    const StageRecipe& stage = recipe_.stages[i];
    const int64_t length = length_of(stage), from = length_from(stage);
    if (window_ > 0 && length <= window_) {
      refuse_length(i, fmt::format("more than the original window of {}", format_length(window_)));
    } else if (length < longest_) {
      refuse_length(i, fmt::format("at least {} like {} before it; readjust is for shorter ones",
                                   format_length(longest_), stage_path(longest_stage_)));
    } else if (from > 0 && length <= from) {
      refuse_length(i, fmt::format("more than {}, which the set {} is for; readjust is for shorter ones",
                                   format_length(from), stage.from));
    }
  }

  // The set is what gets longer; its sequences may be shorter than what it is for.
  void check_tuning_length(size_t i) {
    const StageRecipe& stage = recipe_.stages[i];
    const int64_t length = length_of(stage), from = length_from(stage);
    const auto set = sets_.find(stage.from);
    const bool is_of_model = set != sets_.end() && set->second.is_of_model;
    const bool unknown = stage.from != "none" && from == 0;
    const int64_t reach = stage.from == "none" ? window_ : from;
    if (reach > 0 && stage.train().skip_target > reach) {
      problems_.add(stage_path(i, "positions.skip"),
                    fmt::format("found {}, wanted at most {}, which the set {} is for",
                                format_length(stage.train().skip_target), format_length(reach), stage.from));
    }
    if (from > 0 && length > from) {
      refuse_length(i, fmt::format("at most {}, which the {} {} is for", format_length(from),
                                   formula_target(stage) > 0 ? "formula" : "set", stage.from));
    } else if (window_ > 0 && std::max(length, from) <= window_ && !is_of_model && !unknown &&
               formula_target(stage) == 0) {
      refuse_length(i, fmt::format("more than the original window of {}", format_length(window_)));
    } else if (std::max(length, from) < tuned_ && !unknown) {
      refuse_length(i, fmt::format("at least {} like the fine-tune {} before it", format_length(tuned_),
                                   stage_path(tuned_stage_)));
    }
  }

  void check_readjusted_length(size_t i) {
    const StageRecipe& stage = recipe_.stages[i];
    const int64_t length = length_of(stage), from = length_from(stage);
    if (from > 0 && length > from) {
      refuse_length(i, fmt::format("at most {}, which the set {} is for", format_length(from), stage.from));
    } else if (stage.from == "none" && window_ > 0 && length > window_) {
      refuse_length(i, fmt::format("at most the original window of {}", format_length(window_)));
    }
  }

  void check_length(size_t i) {
    const StageRecipe& stage = recipe_.stages[i];
    const int64_t length = length_of(stage);
    if (length == 0) return;
    if (stage.kind() == StageKind::kReadjust) {
      check_readjusted_length(i);
      return;
    }
    if (stage.kind() == StageKind::kSearch) check_search_length(i);
    if (stage.kind() == StageKind::kFinetune) check_tuning_length(i);
    if (length >= longest_) {
      longest_ = length;
      longest_stage_ = i;
    }
    const int64_t made = std::max(length, length_from(stage));
    if (stage.kind() == StageKind::kFinetune && made >= tuned_) {
      tuned_ = made;
      tuned_stage_ = i;
    }
  }

  void add_made(size_t i) {
    const StageRecipe& stage = recipe_.stages[i];
    if (stage.kind() == StageKind::kFinetune) {
      ++weights_;
      tuned_by_ = i;
      tuned_set_ = stage.makes;
      keeps_original_ = stage.train().short_share > 0;
    }
    if (stage.makes.empty()) return;
    if (is_reserved(stage.makes)) {
      problems_.add(
          stage_path(i, "makes"),
          fmt::format("found {}, which has a meaning of its own, wanted another name", stage.makes));
      return;
    }
    // Tuning keeps the factors, and with them the length they are for.
    const int64_t length = stage.kind() == StageKind::kFinetune
                               ? std::max(length_of(stage), length_from(stage))
                               : length_of(stage);
    const auto [first, is_new] =
        sets_.emplace(stage.makes, Set{.length = length,
                                       .made_by = stage_path(i),
                                       .trained = stage.kind() == StageKind::kFinetune,
                                       .weights = weights_});
    if (!is_new && !first->second.is_of_model) {
      problems_.add(stage_path(i, "makes"),
                    fmt::format("found {} again, wanted a name of its own; {} has it too", stage.makes,
                                first->second.made_by));
    }
  }

  const Recipe& recipe_;
  RecipeProblems& problems_;
  std::map<std::string, size_t> stage_names_;
  std::map<std::string, Set> sets_;
  int64_t window_ = 0;
  bool model_is_known_ = false;
  bool described_may_exist_ = false;  // sets of config.json: the model is not known yet
  int64_t longest_ = 0, tuned_ = 0;
  size_t longest_stage_ = 0, tuned_stage_ = 0;
  size_t weights_ = 0, tuned_by_ = 0;  // fine-tunes so far, and the newest
  std::string tuned_set_;              // that the weights were tuned under; empty: they were not tuned
  bool keeps_original_ = false;        // on mixed windows
};

}  // namespace

void check_stage_chain(const Recipe& recipe, const ChainStart& start, RecipeProblems& problems) {
  Chain(recipe, start, problems).check();
}

}  // namespace ropeway
