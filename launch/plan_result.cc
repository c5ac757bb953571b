#include "launch/plan_result.h"

#include <algorithm>
#include <filesystem>

#include "kernels/base/error.h"
#include "launch/device_options.h"
#include "launch/model_shape.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/plan/choose_mesh.h"
#include "trainer/plan/known_models.h"
#include "trainer/stages/recipe_model.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

struct PlannedModel {
  ModelConfig config;
  std::vector<FactorSet> sets = {};
  std::string note = {};  // where the shape is from, if not from the recipe's model
};

// The recipe's model; its shape by name where its folder is not there.
PlannedModel model_to_plan(const Recipe& recipe, const std::string& shape) {
  const std::string& path = recipe.model.path;
  if (shape.empty() && (recipe.model.has_architecture || fs::exists(path))) {
    ConfigAndSets model = model_of(recipe);
    if (!recipe.model.has_architecture) take_tie_of_weights(path, model.config);
    const auto errors = errors_against_model(recipe, model);
    if (!errors.empty()) fail(ErrorKind::kConfig, "{}", fmt::join(errors, "\n"));
    return {model.config, model.sets};
  }
  PlannedModel model;
  if (!shape.empty()) {
    model = {.config = shape_of(shape), .note = fmt::format("shape: {}", shape)};
  } else if (const KnownModel* known = find_known_model(path)) {
    model = {.config = config_of(*known),
             .note = fmt::format("{} is not there: planned with the shape of {}", path, known->hub_name)};
  } else {
    fail(ErrorKind::kMissingInput,
         "{}: is not there, and no model of that name is known; --shape gives the shape of a known one, or "
         "hidden_size=4096,num_layers=32,...",
         path);
  }
  apply_recipe(recipe.model, model.config);
  return model;
}

}  // namespace

PlanResult plan_result(PlanQuestion question) {
  Recipe& recipe = question.recipe;
  const DeviceRates& device = question.device;
  recipe.device = device.is_gpu() ? DeviceKind::kCuda : DeviceKind::kCpu;
  const PlannedModel model = model_to_plan(recipe, question.shape);
  PlanResult plan{.recipe = {}, .config = model.config, .settings = {}, .measured = question.measured};
  if (!model.note.empty()) plan.notes.push_back(model.note);
  if (device.is_gpu() && recipe.dtype != DType::kBF16) {
    plan.notes.push_back(
        fmt::format("dtype: {} does not run on a GPU; planned as bf16", word_of(recipe.dtype)));
    recipe.dtype = DType::kBF16;
  }
  const MeshShape mesh = choose_mesh(recipe.mesh, question.gpus, model.config, device.devices_a_host);
  plan.ranks = mesh.data * mesh.sequence;
  plan.settings = {.mesh = mesh, .device = device, .memory_limit = usable_memory(device), .sets = model.sets};
  plan.stages = plan_recipe(recipe, model.config, plan.settings);
  plan.meshes = mesh_choices(recipe, model.config, plan.settings, plan.ranks);
  plan.searches = search_choices(recipe, model.config, plan.settings);
  plan.recipe = recipe;
  return plan;
}

}  // namespace ropeway
