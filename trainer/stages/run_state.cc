#include "trainer/stages/run_state.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/attention/ring_attention.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/files/files.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/formats/hf/save_model_dir.h"
#include "trainer/model/engine_setup.h"
#include "trainer/model/initial_weights.h"
#include "trainer/model/resident_parameters.h"
#include "trainer/model/weight_files.h"
#include "trainer/rope/factor_file.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

}  // namespace

at::ScalarType scalar_type_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return at::kFloat;
    case DType::kBF16:
      return at::kBFloat16;
    case DType::kF64:
      return at::kDouble;
    default:
      fail(ErrorKind::kInternal, "models do not compute in {}", name_of(dtype));
  }
}

RunState::RunState(const Recipe& recipe_in, Communicator& world, RunInputs inputs,
                   const RunDirectory& directory_in, const RunOptions& options)
    : recipe(recipe_in),
      directory(directory_in),
      stop_requested(options.stop_requested),
      mesh(world, {recipe_in.mesh.data, recipe_in.mesh.sequence}),
      gpus(options.gpus),
      exchange(collectives_of(gpus, world)),
      tokenizer(std::move(inputs.tokenizer)),
      reporter(std::make_unique<Reporter>(directory_in.path(), world.rank() == 0)),
      config(inputs.config),
      sets(std::move(inputs.sets)),
      base_model(inputs.base_model),
      current_model(inputs.base_model),
      ring_links_(ring_links_of(gpus, mesh.group(Axis::kSequence))),
      documents_(std::move(inputs.documents)) {}

void RunState::begin_stage(const StageRecipe& stage) {
  plan_ = make_engine_plan(config, plan_request(recipe, stage, mesh.shape()),
                           device_memory(device_of(gpus), mesh.world()));
  if (!parameters_) make_parameters();
}

void RunState::make_parameters() {
  parameters_ = std::make_unique<ResidentParameters>(config, scalar_type_of(recipe.dtype), device_of(gpus));
}

void RunState::end_stage() {
  model_.reset();
  attention_.reset();
  if (parameters_) parameters_->release_gradients();
}

int64_t RunState::activation_bytes() const { return model_ ? model_->activation_bytes() : 0; }

CausalLM& RunState::model(const fs::path& folder) {
  if (!parameters_) make_parameters();
  if (!model_) {
    attention_ = std::make_unique<RingAttention>(mesh.group(Axis::kSequence), ring_links_, plan_.placement,
                                                 plan_.chunk_multiple);
    EngineHooks hooks;
    if (gpus != nullptr) hooks.check_exchange = [this] { gpus->check(); };
    model_ = std::make_unique<CausalLM>(config, *parameters_, *attention_, plan_, hooks);
  }
  if (!loaded_ || *loaded_ != folder) {
    if (folder.empty()) {
      initialize_weights(*parameters_, config, recipe.seed);
    } else {
      load_weights(*parameters_, open_model_dir(folder));
    }
    loaded_ = folder;
  }
  return *model_;
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
  if (from.empty() || from == "none") {
    return computed_factor_set("none", config.rope_geometry(), config.original_window, base_factors(sets));
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

void RunState::publish_model() {
  if (current_model.empty()) return;
  run_on_rank(mesh.world(), 0, [&] {
    save_model_dir(directory.path() / "model", config, sets, open_model_dir(current_model),
                   {.copy_small_files_from = current_model, .in_force = "", .replace = true});
  });
}

}  // namespace ropeway
