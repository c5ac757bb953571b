#include "trainer/stages/within_memory.h"

#include <algorithm>

#include "kernels/base/log.h"
#include "parallel/device/cuda_job.h"
#include "trainer/model/engine_setup.h"
#include "trainer/model/memory_meter.h"
#include "trainer/model/parameter_store.h"
#include "trainer/plan/out_of_memory.h"

namespace ropeway {
namespace {

// The ring's slots are told by their formula, everything else by those who hold it and by the allocator.
StageNumbers metered(RunState& state, const std::function<StageNumbers()>& run) {
  const MemoryMeter meter(state.session.parameters().weight_options().device().type());
  const int64_t weights_before = state.session.parameters().bytes().weights;
  StageNumbers numbers = run();
  const int64_t checkpoints = state.session.activation_bytes();
  const int64_t gathered = state.session.parameters().bytes().weights - weights_before;
  const int64_t rest = std::max<int64_t>(0, meter.peak_bytes() - checkpoints - gathered);
  const int64_t ring = std::min(rest, plan_memory(state.config, state.session.plan()).parts.ring);
  for (const auto& [part, bytes] : {std::pair{"weights", state.session.parameters().bytes().weights},
                                    std::pair{"checkpoints", checkpoints}, std::pair{"ring", ring},
                                    std::pair{"transients", rest - ring}}) {
    numbers.emplace_back(std::string("memory_bytes_") + part, static_cast<double>(bytes));
  }
  return numbers;
}

}  // namespace

StageNumbers within_memory(RunState& state, const StageRecipe& stage,
                           const std::function<StageNumbers()>& run) {
  const bool trains = is_training(stage.kind());
  StageNumbers numbers;
  or_out_of_memory({"stage " + stage.name, state.config, state.session.plan(), recipe_knobs()}, [&] {
    state.session.begin(make_engine_plan(state.config, plan_request(state.recipe, stage, state.mesh.shape()),
                                         device_memory(device_of(state.gpus), state.mesh.world())));
    const std::string shared = shared_out(state.session.plan());
    if (!shared.empty() && state.mesh.world().rank() == 0) {
      log_info("{}: ranks share out {}", stage.name, shared);
    }
    numbers = trains ? run() : metered(state, run);
    state.session.end();
  });
  return numbers;
}

}  // namespace ropeway
