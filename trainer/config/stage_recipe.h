// One stage of a recipe: its kind, and the options of that kind.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "trainer/config/choices.h"
#include "trainer/config/evaluate_recipe.h"
#include "trainer/config/search_recipe.h"
#include "trainer/config/train_recipe.h"

namespace ropeway {

enum class StageKind { kPretrain, kSearch, kFinetune, kReadjust, kEvaluate };
template <>
struct ChoiceTable<StageKind> {
  using enum StageKind;
  static constexpr Choice<StageKind> choices[] = {{kPretrain, "pretrain"},
                                                  {kSearch, "search"},
                                                  {kFinetune, "finetune"},
                                                  {kReadjust, "readjust"},
                                                  {kEvaluate, "evaluate"}};
};

bool is_training(StageKind kind);   // pretrain, finetune
bool is_searching(StageKind kind);  // search, readjust

class StageRecipe {
 public:
  explicit StageRecipe(StageKind kind = StageKind::kEvaluate) { set_kind(kind); }

  std::string name;
  std::string from;   // the factor set it starts from; "none" is the original RoPE
  std::string makes;  // the set it adds
  int line = 0;       // in the recipe file, for messages

  StageKind kind() const { return kind_; }
  // The options become the defaults of the new kind, unless the old kind had options of the same type.
  void set_kind(StageKind kind);

  // TrainRecipe, SearchRecipe or EvaluateRecipe. Throws kInternal when the stage's kind has another of them.
  template <typename Options>
  const Options& options() const {
    const auto* options = std::get_if<Options>(&options_);
    if (options == nullptr) refuse_options();
    return *options;
  }
  template <typename Options>
  Options& options() {
    return const_cast<Options&>(std::as_const(*this).template options<Options>());
  }
  const TrainRecipe& train() const { return options<TrainRecipe>(); }
  const SearchRecipe& search() const { return options<SearchRecipe>(); }
  const EvaluateRecipe& evaluate() const { return options<EvaluateRecipe>(); }
  TrainRecipe& train() { return options<TrainRecipe>(); }
  SearchRecipe& search() { return options<SearchRecipe>(); }
  EvaluateRecipe& evaluate() { return options<EvaluateRecipe>(); }

 private:
  [[noreturn]] void refuse_options() const;

  StageKind kind_ = StageKind::kEvaluate;
  std::variant<EvaluateRecipe, TrainRecipe, SearchRecipe> options_;
};

// The lengths in tokens that a stage works at: one, or those that it evaluates.
std::vector<int64_t> lengths_of(const StageRecipe& stage);

}  // namespace ropeway
