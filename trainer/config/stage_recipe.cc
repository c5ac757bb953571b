#include "trainer/config/stage_recipe.h"

#include "kernels/base/error.h"

namespace ropeway {

bool is_training(StageKind kind) { return kind == StageKind::kPretrain || kind == StageKind::kFinetune; }
bool is_searching(StageKind kind) { return kind == StageKind::kSearch || kind == StageKind::kReadjust; }

void StageRecipe::set_kind(StageKind kind) {
  kind_ = kind;
  const auto hold = [this]<typename Options>(Options defaults) {
    if (!std::holds_alternative<Options>(options_)) options_ = std::move(defaults);
  };
  if (is_training(kind)) {
    hold(TrainRecipe{});
  } else if (is_searching(kind)) {
    hold(SearchRecipe{});
  } else {
    hold(EvaluateRecipe{});
  }
}

void StageRecipe::refuse_options() const {
  fail(ErrorKind::kInternal, "stage \"{}\" of kind {} was asked for the options of another kind", name,
       word_of(kind_));
}

std::vector<int64_t> lengths_of(const StageRecipe& stage) {
  if (is_training(stage.kind())) return {stage.train().length};
  if (is_searching(stage.kind())) return {stage.search().length};
  return stage.evaluate().lengths;
}

}  // namespace ropeway
