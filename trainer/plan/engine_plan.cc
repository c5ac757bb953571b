#include "trainer/plan/engine_plan.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/plan/memory_model.h"

namespace ropeway {

int64_t micro_batch_of(const Workload& work, const MeshShape& mesh) {
  ROPEWAY_CHECK(work.lengths.size() == 1, "training at {} lengths", work.lengths.size());
  const int64_t share = std::max<int64_t>(1, work.batch_sequences / mesh.data);
  const int64_t local_tokens = std::max<int64_t>(1, work.lengths.front() / mesh.sequence);
  return std::clamp<int64_t>(work.micro_batch_tokens / local_tokens, 1, share);
}

int64_t scored_together(const EnginePlan& plan, int64_t length) {
  return std::max<int64_t>(1, plan.score_batch_tokens / length);
}

int64_t kept_blocks(const ModelConfig& config, int64_t tokens, int64_t element_bytes,
                    const EnginePlan& plan) {
  if (plan.offload) return 0;
  return std::min(config.num_layers, plan.keep_bytes / tokenwise_bytes(config, tokens, element_bytes));
}

}  // namespace ropeway
