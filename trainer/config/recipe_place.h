// Where a value of a recipe was written, for messages.
#pragma once

namespace ropeway {

// Line and column from 1, or the number of the override that set the value.
struct RecipePlace {
  int line = 0, column = 0;
  int override_index = -1;
};

}  // namespace ropeway
