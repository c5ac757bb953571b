#include "trainer/stages/gpu_check.h"

#include <algorithm>
#include <optional>

#include "kernels/ops/attention_check.h"
#include "parallel/layout/head_shares.h"
#include "trainer/config/recipe.h"
#include "trainer/plan/device_rates.h"
#include "trainer/plan/make_plan.h"
#include "trainer/plan/plan_memory.h"

namespace ropeway {

void check_gpu_attention(const CudaJob& gpus, const ModelConfig& config, const Recipe& recipe,
                         const MeshShape& mesh, const std::vector<const StageRecipe*>& stages) {
  int64_t longest = 0;  // rows that a rank attends over
  for (const StageRecipe* stage : stages) {
    // How long a pass is does not depend on the memory there is.
    const EnginePlan plan = make_engine_plan(config, plan_request(recipe, *stage, mesh), {.cuda = true});
    for (const PlanPass& pass : passes_of(plan)) longest = std::max(longest, pass.shape.length * mesh.heads);
  }
  if (longest < 2) return;
  const BlockAttentionShape shape{.batch = 1,
                                  .heads = config.num_heads / mesh.heads,
                                  .kv_heads = heads_of_rank(config.num_kv_heads, mesh.heads),
                                  .queries = longest,
                                  .keys = longest,
                                  .head_dim = config.head_dim,
                                  .scale = config.score_scale(),
                                  .causal = true,
                                  .softcap = config.attention_softcap};
  std::optional<ops::AttentionRates> expected;
  if (const auto known = device_called_by_cuda(gpus.info().name)) {
    const AttentionRate rate = known->attention_at(longest, config.head_dim);
    expected = {rate.forward * 1e12, rate.backward * 1e12};
  }
  ops::attention_self_check(gpus.device(), gpus.info().name, shape, expected);
}

}  // namespace ropeway
