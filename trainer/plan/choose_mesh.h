// The mesh of a job: what its recipe leaves open, decided by the model and the hosts.
#pragma once

#include "parallel/comm/mesh.h"
#include "trainer/config/engine_recipe.h"
#include "trainer/family/model_config.h"

namespace ropeway {

// Ranks that share heads, of `sequence` ranks of a row. 1 where the row is on one host: there a ring hides
// what it sends behind attention, and an exchange of heads is waited for. Else as many as the model's heads
// and the hosts allow: the neighbours are on one host, and a ring of few places crosses the network, over the
// adapters of all ranks, instead of one of many over that of each host's last rank.
int choose_heads(const ModelConfig& config, int sequence, int ranks_per_host);

// mesh: without faults (check_recipe). ranks: of the job; 0: those of the keys. Throws kConfig for heads that
// the model's cannot be divided by.
MeshShape choose_mesh(const MeshRecipe& mesh, int ranks, const ModelConfig& config, int ranks_per_host);

// All ranks of the world share each sequence. Collective.
MeshShape shape_of_one_row(Communicator& world, const ModelConfig& config);

}  // namespace ropeway
