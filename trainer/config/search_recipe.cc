#include "trainer/config/search_recipe.h"

#include <fmt/format.h>

namespace ropeway {

std::string text_of(const TemperatureChoice& choice) {
  if (choice.policy == TemperaturePolicy::kNumber) return fmt::format("{}", choice.number);
  return std::string(word_of(choice.policy));
}

}  // namespace ropeway
