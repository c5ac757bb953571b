#include "trainer/config/key_rows.h"

namespace ropeway {
namespace {

std::vector<std::string> choices_of(const Field& field, const KeyRow& row) {
  const auto* choice = std::get_if<ChoiceField>(&field);
  if (choice == nullptr || !row.choices.empty()) return split_words(row.choices);
  return choice->known_words();
}

}  // namespace

RecipeKey key(std::string_view section, std::string_view name, ValueType type, Field (*field)(Recipe&),
              const KeyRow& row, std::string_view meaning) {
  Recipe any;
  return {section,
          name,
          type,
          field,
          nullptr,
          "",
          row.required,
          row.low,
          row.high,
          row.above,
          choices_of(field(any), row),
          row.also,
          meaning,
          row.bears_on_nothing};
}

RecipeKey key(std::string_view kinds, std::string_view name, ValueType type, Field (*field)(StageRecipe&),
              const KeyRow& row, std::string_view meaning) {
  RecipeKey out{"stages", name,     type,      nullptr, field,    kinds,   row.required,
                row.low,  row.high, row.above, {},      row.also, meaning, row.bears_on_nothing};
  StageRecipe any(first_kind_of(out));
  out.choices = choices_of(field(any), row);
  return out;
}

}  // namespace ropeway
