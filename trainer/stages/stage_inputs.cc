#include "trainer/stages/stage_inputs.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace ropeway {
namespace {

constexpr const char* kAuto = "auto";
constexpr std::string_view kStretched = "stretched:";

// The newest stage before `index` that makes weights.
std::optional<size_t> weights_maker(const Recipe& recipe, size_t index) {
  const StageRecipe& stage = recipe.stages[index];
  if (stage.kind() == StageKind::kEvaluate && stage.evaluate().model == EvaluatedModel::kBase) {
    return std::nullopt;
  }
  for (size_t i = index; i-- > 0;) {
    if (is_training(recipe.stages[i].kind())) return i;
  }
  return std::nullopt;
}

class Inputs {
 public:
  Inputs(const Recipe& recipe, size_t index, int64_t window)
      : recipe_(recipe), index_(index), window_(window), trained_(weights_maker(recipe, index)) {}

  std::vector<StageInput> of_stage() {
    const StageRecipe& stage = recipe_.stages[index_];
    if (trained_) add(kWeightsInput, *trained_);
    add_set(stage.from);
    if (is_searching(stage.kind())) add_known_sets(stage);
    if (stage.kind() == StageKind::kEvaluate) add_evaluated(stage.evaluate());
    return std::move(inputs_);
  }

 private:
  void add(const std::string& what, size_t maker) {
    const StageInput input{.what = what, .maker = recipe_.stages[maker].name, .made = {}};
    if (std::ranges::find(inputs_, input) == inputs_.end()) inputs_.push_back(input);
  }
  void add_factors(size_t maker) { add(fmt::format("factors {}", recipe_.stages[maker].makes), maker); }

  void add_set(const std::string& name) {
    for (size_t i = 0; i < index_ && !name.empty(); ++i) {
      if (recipe_.stages[i].makes == name) add_factors(i);
    }
  }

  // Sets for the stage's weights: of the training stage itself and of the searches behind it.
  void add_sets_of_weights(const auto& wanted) {
    const size_t begin = trained_.value_or(0);
    for (size_t i = begin; i < index_; ++i) {
      const StageRecipe& maker = recipe_.stages[i];
      const bool is_next_weights = is_training(maker.kind()) && (!trained_ || i != *trained_);
      if (is_next_weights) return;  // of the base model: what comes behind the first training is for others
      if (!maker.makes.empty() && wanted(maker)) add_factors(i);
    }
  }

  // A longer search starts from what shorter ones found on the same weights (search_stage.cc).
  void add_known_sets(const StageRecipe& stage) {
    add_sets_of_weights([&](const StageRecipe& maker) {
      return is_searching(maker.kind()) && maker.from == stage.from &&
             maker.search().length < stage.search().length && maker.search().length > window_;
    });
  }

  void add_evaluated(const EvaluateRecipe& evaluate) {
    bool automatic = !evaluate.controls.empty();  // they take the set for the window
    for (const std::string& name : evaluate.factors) {
      automatic = automatic || name == kAuto;
      add_set(name.starts_with(kStretched) ? name.substr(kStretched.size()) : name);
    }
    if (automatic) add_sets_of_weights([](const StageRecipe&) { return true; });
    if (evaluate.benchmarks.max_short_loss >= 0) add_compared(evaluate.benchmarks.gate_against);
  }

  // short_loss_gate.h
  void add_compared(const std::string& named) {
    for (size_t i = 0; i < index_; ++i) {
      const StageRecipe& other = recipe_.stages[i];
      if (named.empty() ? other.kind() == StageKind::kEvaluate : other.name == named) {
        return add("figures", i);
      }
    }
  }

  const Recipe& recipe_;
  const size_t index_;
  const int64_t window_;
  const std::optional<size_t> trained_;
  std::vector<StageInput> inputs_;
};

}  // namespace

std::vector<StageInput> inputs_of_stage(const Recipe& recipe, size_t index, int64_t window) {
  return Inputs(recipe, index, window).of_stage();
}

bool works_on_base_weights(const Recipe& recipe, size_t index) {
  return !weights_maker(recipe, index).has_value();
}

}  // namespace ropeway
