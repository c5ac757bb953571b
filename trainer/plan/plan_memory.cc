#include "trainer/plan/plan_memory.h"

namespace ropeway {

std::vector<PlanPass> passes_of(const EnginePlan& plan) {
  const MeshShape& mesh = plan.mesh;
  std::vector<PlanPass> passes;
  for (const int64_t length : plan.work.lengths) {
    const bool trains = plan.work.pass == Pass::kTrain;
    const int64_t padded = padded_length(length, mesh.sequence, plan.placement, plan.chunk_multiple);
    passes.push_back({{.pass = plan.work.pass,
                       .sequences = trains ? plan.micro_batch : scored_together(plan, length),
                       .length = padded / mesh.sequence,
                       .ring_ranks = mesh.ring(),
                       .head_ranks = mesh.heads,
                       .all_ranks = mesh.data * mesh.sequence},
                      length});
  }
  return passes;
}

std::string shared_out(const EnginePlan& plan) {
  if (plan.zero == ZeroStage::kOptimizerState) return "";
  if (plan.work.pass != Pass::kTrain) return "weights, gathered block by block";
  return plan.zero == ZeroStage::kGradients ? "gradients and optimizer state"
                                            : "weights, gradients and optimizer state";
}

PlanMemory plan_memory(const ModelConfig& config, const EnginePlan& plan) {
  PlanMemory most;
  for (const PlanPass& pass : passes_of(plan)) {
    const MemoryParts parts = pass_memory(config, pass.shape, plan);
    if (parts.total() > most.parts.total()) most = {parts, pass};
  }
  return most;
}

}  // namespace ropeway
