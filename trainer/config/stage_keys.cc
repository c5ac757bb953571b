// Keys that say which stage it is, where it starts and what it makes.
#include "trainer/config/key_rows.h"

namespace ropeway {
namespace {

constexpr std::string_view kAllKinds = "pretrain search finetune readjust evaluate",
                           kMakers = "search finetune readjust";

template <auto Member>
Field stage(StageRecipe& s) {
  return field_at(s.*Member);
}
Field kind_field(StageRecipe& s) {
  return ChoiceField::through<&StageRecipe::kind, &StageRecipe::set_kind>(&s);
}
Field evaluated_model(StageRecipe& s) { return field_at(s.evaluate().model); }

}  // namespace

std::vector<RecipeKey> stage_keys() {
  using enum ValueType;
  return {
      key(kAllKinds, "name", kName, stage<&StageRecipe::name>, {.required = true},
          "names the stage and its folder"),
      key(kAllKinds, "kind", kChoice, kind_field, {.required = true, .also = "type"}, "what the stage does"),
      key(kMakers, "from", kName, stage<&StageRecipe::from>, {.required = true, .also = "start_from base"},
          "factor set it starts from; none: the original RoPE; long, yarn, linear, llama3: what the model's "
          "config.json describes"),
      key(kMakers, "makes", kName, stage<&StageRecipe::makes>, {.required = true, .also = "output into"},
          "factor set it adds to the model"),
      key("evaluate", "model", kChoice, evaluated_model, {},
          "base: the model the recipe began with; leave the key out for the current one"),
  };
}

}  // namespace ropeway
