#include "trainer/config/mesh_ranks.h"

namespace ropeway {

MeshRecipe with_ranks(MeshRecipe mesh, int ranks) {
  const auto quotient = [](int a, int b) { return a > 0 && b > 0 && a % b == 0 ? a / b : 0; };
  if (mesh.sequence == 0) mesh.sequence = mesh.ring * mesh.heads;
  if (mesh.sequence == 0) mesh.sequence = quotient(ranks, mesh.data);
  if (mesh.ring == 0) mesh.ring = quotient(mesh.sequence, mesh.heads);
  if (mesh.heads == 0) mesh.heads = quotient(mesh.sequence, mesh.ring);
  return mesh;
}

}  // namespace ropeway
