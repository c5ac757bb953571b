#include "trainer/stages/within_memory.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/model/memory_meter.h"
#include "trainer/plan/suggestions.h"

namespace ropeway {
namespace {

MemoryParts needed(const RunState& state, const StageRecipe& stage) {
  return stage_memory(state.config, stage, state.mesh.shape(), state.memory_options()).parts;
}

// The ring's slots are told by their formula, everything else by those who hold it and by the allocator.
StageNumbers metered(RunState& state, const StageRecipe& stage, const std::function<StageNumbers()>& run) {
  const MemoryMeter meter(state.parameters().weight_options().device().type());
  StageNumbers numbers = run();
  const int64_t checkpoints = state.activation_bytes();
  const int64_t rest = std::max<int64_t>(0, meter.peak_bytes() - checkpoints);
  const int64_t ring = std::min(rest, needed(state, stage).ring);
  for (const auto& [part, bytes] :
       {std::pair{"weights", state.parameters().bytes().weights}, std::pair{"checkpoints", checkpoints},
        std::pair{"ring", ring}, std::pair{"transients", rest - ring}}) {
    numbers.emplace_back(std::string("memory_bytes_") + part, static_cast<double>(bytes));
  }
  return numbers;
}

}  // namespace

void or_out_of_memory(const std::function<void()>& work,
                      const std::function<std::string(const std::string& cause)>& say) {
  std::string text;
  try {
    return work();
  } catch (...) {
    const Failure failure = failure_of(std::current_exception());
    if (failure.kind != ErrorKind::kMemory) throw;
    text = say(failure.cause);
  }
  fail(ErrorKind::kMemory, "{}", text);
}

StageNumbers within_memory(RunState& state, const StageRecipe& stage,
                           const std::function<StageNumbers()>& run) {
  const bool trains = stage.kind == StageKind::kPretrain || stage.kind == StageKind::kFinetune;
  StageNumbers numbers;
  or_out_of_memory(
      [&] {
        state.begin_stage(stage);
        numbers = trains ? run() : metered(state, stage, run);
        state.end_stage();
      },
      [&](const std::string& cause) {
        return out_of_memory_text(
            "stage " + stage.name, cause,
            {state.recipe, stage, state.config, state.mesh.shape(), state.memory_options()});
      });
  return numbers;
}

}  // namespace ropeway
