#include "trainer/stages/longppl_evaluator.h"

#include "kernels/base/error.h"
#include "parallel/device/cuda_job.h"
#include "parallel/layout/head_shares.h"
#include "trainer/model/engine_setup.h"
#include "trainer/model/model_session.h"
#include "trainer/plan/make_plan.h"
#include "trainer/stages/factor_names.h"
#include "trainer/stages/open_model.h"

namespace ropeway {

KeyTokensOfWindows key_tokens_by(const LongPplEvaluator& evaluator,
                                 const std::vector<std::vector<int32_t>>& windows,
                                 const LongPplOptions& options, const TellDone& tell) {
  const OpenedModel opened = open_model_or_checkpoint(evaluator.model);
  if (tokenizer_of(opened)->fingerprint() != evaluator.tokenizer.fingerprint()) {
    fail(ErrorKind::kConfig,
         "{}: its tokenizer is another one than that of the model whose LongPPL it helps to find",
         evaluator.model.string());
  }
  const ModelConfig& config = opened.dir.config;
  MeshShape mesh = evaluator.mesh.shape();  // chosen by the other model's heads
  const bool shares_heads = can_share_heads(config.num_heads, config.num_kv_heads, mesh.heads);
  if (!shares_heads) mesh.heads = 1;
  ModelSession session(config, model_place(evaluator.mesh, evaluator.gpus, shares_heads));
  const PlanRequest request = {.work = {.pass = Pass::kEvaluate, .lengths = {options.length}},
                               .dtype = evaluator.dtype,
                               .mesh = mesh,
                               .placement = evaluator.placement};
  session.begin(
      make_engine_plan(config, request, device_memory(device_of(evaluator.gpus), evaluator.mesh.world())));
  session.load(opened.dir);
  const FactorSet factors =
      resolve_factors(kAutoFactors, options.length, config, opened.dir.sets, opened.dir.weights);
  return key_tokens_of(told_scores(scores_of(session.model(), evaluator.mesh, factors), tell), windows,
                       options);
}

FindKeyTokens longppl_evaluator(const LongPplEvaluator& evaluator) {
  if (evaluator.model.empty()) return {};
  return [evaluator](const auto& windows, const LongPplOptions& options, const TellDone& tell) {
    return key_tokens_by(evaluator, windows, options, tell);
  };
}

}  // namespace ropeway
