#include "trainer/config/search_recipe.h"

#include <fmt/format.h>

namespace ropeway {

std::string text_of(const TemperatureChoice& choice) {
  if (choice.policy == TemperaturePolicy::kNumber) return fmt::format("{}", choice.number);
  return std::string(word_of(choice.policy));
}

double default_scale_margin(SearchSeeds seeds) {
  return seeds == SearchSeeds::kLongRope2 ? 2 : SearchRecipe{}.max_scale_margin;
}

}  // namespace ropeway
