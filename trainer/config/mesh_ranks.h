// What the keys of a mesh say of each other.
#pragma once

#include "trainer/config/engine_recipe.h"

namespace ropeway {

// With what follows from the other keys and the ranks of the job (0: unknown): sequence, ring and heads that
// were left open and are determined. What is not stays 0; nothing is checked.
MeshRecipe with_ranks(MeshRecipe mesh, int ranks);

}  // namespace ropeway
