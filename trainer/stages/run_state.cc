#include "trainer/stages/run_state.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/board/hang_watch.h"
#include "parallel/comm/host_blocks.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/files/files.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/formats/hf/save_model_dir.h"
#include "trainer/model/same_weights.h"
#include "trainer/plan/choose_mesh.h"
#include "trainer/rope/factor_file.h"
#include "trainer/rope/factor_set.h"
#include "trainer/stages/run_identity.h"
#include "trainer/stages/run_ledger.h"

namespace ropeway {

namespace fs = std::filesystem;

RunState::RunState(const Recipe& recipe_in, Communicator& world, RunInputs inputs,
                   std::unique_ptr<RunDirectory> directory_in, std::unique_ptr<RunLedger> ledger_in,
                   std::vector<StageOfRun> stages_in, std::function<bool()> stop_requested_in,
                   StopAgreement* stop_in, CudaJob* gpus_in, const std::string& command)
    : directory_(std::move(directory_in)),
      recipe(recipe_in),
      directory(*directory_),
      ledger(std::move(ledger_in)),
      stages(std::move(stages_in)),
      stop_requested(std::move(stop_requested_in)),
      stop(stop_in),
      mesh(world, choose_mesh(recipe_in.mesh, world.size(), inputs.config, ranks_per_host(world))),
      gpus(gpus_in),
      exchange(collectives_of(gpus, world)),
      tokenizer(std::move(inputs.tokenizer)),
      named(inputs.named),
      marks(std::move(inputs.marks)),
      reporter(std::make_unique<Reporter>(directory.path(), world.rank() == 0, command)),
      config(inputs.config),
      sets(std::move(inputs.sets)),
      base_model(inputs.base_model),
      current_model(inputs.base_model),
      base_weights(inputs.weights),
      current_weights(inputs.weights),
      session(config, model_place(mesh, gpus)),
      documents_(std::move(inputs.documents)) {}

RunState::~RunState() = default;

CausalLM& RunState::model(const fs::path& folder) {
  const InPhase loading(Phase::kLoading);
  CausalLM& model = session.model();
  if (folder.empty()) {
    session.initialize(recipe.seed);
  } else {
    session.load(folder);
  }
  require_same_weights(mesh.world(), session.parameters(), ErrorKind::kBadData,
                       folder.empty() ? "the first weights" : folder.string());
  return model;
}

const Documents& RunState::documents(const std::string& split) const {
  const auto found = documents_.find(split);
  ROPEWAY_CHECK(found != documents_.end(), "no stage asked for the {} text", split);
  return found->second;
}

const FactorSet& RunState::set_named(const std::string& name) const {
  if (const FactorSet* set = find_factor_set(sets, name)) return *set;
  fail(ErrorKind::kConfig, "factor set \"{}\" does not exist yet: no finished stage made it", name);
}

FactorSet RunState::start_set(const std::string& from) const {
  if (from.empty() || from == kOriginalRope) {
    return computed_factor_set(kOriginalRope, config.rope_geometry(), config.original_window,
                               base_factors(sets));
  }
  return set_named(from);
}

void RunState::add_set(const FactorSet& set) {
  for (FactorSet& existing : sets) {
    if (existing.name == set.name) {
      existing = set;
      return;
    }
  }
  sets.push_back(set);
}

std::map<std::string, std::string> RunState::own_files() const {
  return {{"recipe.yaml", identity_of(recipe).lasting}};
}

void RunState::publish_model() {
  if (current_model.empty()) return;
  const InPhase saving(Phase::kSaving);
  run_on_rank(mesh.world(), 0, [&] {
    save_model_dir(directory.path() / "model", config, sets, open_model_dir(current_model),
                   {.copy_small_files_from = current_model,
                    .in_force = "",
                    .replace = true,
                    .weights_name = current_weights,
                    .files = own_files()});
  });
}

}  // namespace ropeway
