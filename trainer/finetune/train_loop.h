// Training: steps of forward, backward and AdamW over windows of text, with checkpoints and exact resumption.
// Serves the stages `finetune` (under a factor set) and `pretrain` (the original RoPE).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "parallel/comm/mesh.h"
#include "trainer/config/train_recipe.h"
#include "trainer/data/windows.h"
#include "trainer/model/causal_lm.h"
#include "trainer/model/parameter_store.h"
#include "trainer/report/reporter.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {

class StopAgreement;

struct TrainContext {
  CausalLM* model = nullptr;
  ParameterStore* parameters = nullptr;
  const Mesh* mesh = nullptr;
  Collectives* exchange = nullptr;  // of all ranks, over the memory the weights are in
  const WindowSampler* windows = nullptr;
  Reporter* reporter = nullptr;
  FactorSet factors;
  std::optional<FactorSet> short_factors;  // of short windows, where the stage has some
  std::filesystem::path checkpoint_folder;
  std::map<std::string, std::string> companions;  // rank 0's: files that go with every checkpoint
  std::string stage_name;
  std::string recipe_sha256;  // of what a checkpoint is bound to: the recipe as far as it bears on this stage
  std::vector<std::string> earlier_recipes;  // whose checkpoints the stage may go on from as well
  std::string data_fingerprint;              // of the training documents: a resume on other data is refused
  int64_t compare_every = 0;                 // steps between two comparisons of the ranks' copies; 0: never
  double peak_tflops = 0;                    // of the device that a rank computes on; 0: not known
  std::function<bool()> should_stop;         // asked after each step, on every rank; agreed by all ranks
  StopAgreement* stop = nullptr;             // by which a step may be abandoned; null: by none
};
// What checkpoints took of one rank's time.
struct SavingCost {
  int64_t checkpoints = 0;
  double waited = 0;   // seconds that training stood still
  double written = 0;  // seconds of writing beside it
};
struct TrainOutcome {
  int64_t steps = 0, skipped_steps = 0, resumed_from = 0;
  int64_t spikes = 0, rollbacks = 0;
  SavingCost saving;
  double final_loss = 0;  // mean of the last ten steps with an update, before a resume too
  double seconds = 0, tokens_per_second = 0;
  // Bytes of this rank's tensors by what they are for, at the peak of the step that took most.
  std::vector<std::pair<std::string, int64_t>> memory;
};
// Resumes from the newest verified checkpoint in the folder, if any. Throws kStopped after saving when
// should_stop or a stop agreement says so, kNumerics where numbers are not finite (number_check.h): after more than
// max_skipped_steps steps in a row without an update, after a stage without any, and for weights or optimizer
// state that are not finite, which are not saved.
TrainOutcome train(const TrainRecipe& options, const TrainContext& context);

}  // namespace ropeway
