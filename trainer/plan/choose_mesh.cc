#include "trainer/plan/choose_mesh.h"

#include <algorithm>
#include <numeric>

#include "kernels/base/error.h"
#include "parallel/comm/host_blocks.h"
#include "parallel/layout/head_shares.h"
#include "trainer/config/mesh_ranks.h"

namespace ropeway {

int choose_heads(const ModelConfig& config, int sequence, int ranks_per_host) {
  if (sequence <= ranks_per_host) return 1;
  const int most = std::gcd(sequence, ranks_per_host);
  for (int heads = most; heads > 1; --heads) {
    if (most % heads == 0 && can_share_heads(config.num_heads, config.num_kv_heads, heads)) return heads;
  }
  return 1;
}

MeshShape choose_mesh(const MeshRecipe& recipe, int ranks, const ModelConfig& config, int ranks_per_host) {
  const MeshRecipe mesh = with_ranks(recipe, ranks);
  const int sequence = mesh.sequence > 0 ? mesh.sequence : std::max({mesh.ring, mesh.heads, 1});
  const int heads = mesh.heads > 0 ? mesh.heads : choose_heads(config, sequence, ranks_per_host);
  if (!can_share_heads(config.num_heads, config.num_kv_heads, heads)) {
    fail(ErrorKind::kConfig,
         "{} ranks cannot share {} query and {} key heads: wanted a divisor of the query heads that divides "
         "the key "
         "heads or is a multiple of them",
         heads, config.num_heads, config.num_kv_heads);
  }
  return {mesh.data, sequence, heads};
}

MeshShape shape_of_one_row(Communicator& world, const ModelConfig& config) {
  return {1, world.size(), choose_heads(config, world.size(), ranks_per_host(world))};
}

}  // namespace ropeway
