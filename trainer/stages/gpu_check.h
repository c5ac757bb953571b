// Before a run on GPUs: the attention operator that its longest pass will use is timed on this rank's GPU,
// and what runs is logged with its rate against the known one.
#pragma once

#include <vector>

#include "parallel/comm/mesh.h"
#include "parallel/device/cuda_job.h"
#include "trainer/family/model_config.h"

namespace ropeway {

struct Recipe;
class StageRecipe;

void check_gpu_attention(const CudaJob& gpus, const ModelConfig& config, const Recipe& recipe,
                         const MeshShape& mesh, const std::vector<const StageRecipe*>& stages);

}  // namespace ropeway
