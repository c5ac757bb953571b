#include "trainer/stages/draft_recipe.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "kernels/base/error.h"
#include "trainer/config/lengths.h"
#include "trainer/plan/choose_mesh.h"
#include "trainer/plan/memory_model.h"
#include "trainer/stages/recipe_model.h"

namespace ropeway {
namespace {

// LongRoPE tunes at 128K and 256K (Ding et al., 2024, section 4.1) and goes on from there without training.
constexpr int64_t kLongestTuned = 256 << 10;
// Tokens per step, a quarter of the paper's 32 x 128K; as many steps as it makes at 128K.
constexpr int64_t kTokensPerStep = 1 << 20;
constexpr int64_t kSteps = 400;
constexpr double kSecondsBetweenCheckpoints = 1800;
// Gradient steps are worth at most this share of the training's time, or so many seconds.
constexpr double kGradientShare = 0.25, kGradientSeconds = 4 * 3600;

StageRecipe searching(StageKind kind, const std::string& name, const std::string& from, int64_t length,
                      SearchRefine refine) {
  StageRecipe stage(kind);
  stage.name = name;
  stage.from = from;
  stage.makes = kind == StageKind::kReadjust ? "short" : fmt::format("searched_{}", format_length(length));
  stage.search().length = length;
  stage.search().refine = refine;
  return stage;
}

class Draft {
 public:
  explicit Draft(const DraftRequest& request)
      : request_(request),
        config_(request.config),
        window_(static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(request.config.original_window)))) {
    if (config_.limiting_window() > 0) apply_sliding_window(SlidingWindowPolicy::kFull, config_);
  }

  RecipeDraft make() {
    if (request_.target <= request_.config.original_window) {
      fail(ErrorKind::kUsage, "a target of {} is within the model's window of {}, wanted one beyond it",
           format_length(request_.target), format_length(request_.config.original_window));
    }
    const int64_t wanted = std::min(request_.target, std::max(kLongestTuned, 2 * window_));
    for (int64_t tuned = wanted; tuned >= 2 * window_ || tuned == wanted; tuned /= 2) {
      for (const SearchRefine refine : {SearchRefine::kGradient, SearchRefine::kNone}) {
        if (tuned > window_ && try_with(tuned, refine)) {
          draft_.wanted_length = wanted;
          settle();
          return std::move(draft_);
        }
      }
    }
    fail(ErrorKind::kMemory, "{} on {} x {}: no way to share the ranks out fits into {}",
         format_length(request_.target), request_.ranks, request_.settings.device.name,
         bytes_text(request_.settings.memory_limit));
  }

 private:
  // The recipe on the quickest mesh that fits; false where none does.
  bool try_with(int64_t tuned, SearchRefine refine) {
    Recipe recipe = recipe_with(tuned, refine);
    const auto meshes = mesh_choices(recipe, config_, request_.settings, request_.ranks);
    const MeshChoice* best = cheapest(meshes);
    if (best == nullptr) return false;
    recipe.mesh.data = best->mesh.data;
    recipe.mesh.sequence = best->mesh.sequence;
    const int open = choose_heads(config_, best->mesh.sequence, request_.settings.device.devices_a_host);
    recipe.mesh.heads = best->mesh.heads == open ? 0 : best->mesh.heads;
    draft_.meshes = meshes.size();
    draft_.meshes_that_fit = static_cast<size_t>(std::ranges::count_if(
        meshes, [](const MeshChoice& choice) { return choice.refused.empty() && choice.totals.fits; }));
    draft_.tuned_length = tuned;
    draft_.recipe = std::move(recipe);
    plan();
    return true;
  }

  Recipe recipe_with(int64_t tuned, SearchRefine refine) const {
    Recipe recipe;
    recipe.name = request_.name;
    recipe.model.path = request_.model_path;
    if (request_.config.limiting_window() > 0) recipe.model.sliding_window = SlidingWindowPolicy::kFull;
    const bool on_gpus = request_.settings.device.is_gpu();
    recipe.device = on_gpus ? DeviceKind::kCuda : DeviceKind::kCpu;
    recipe.dtype = on_gpus ? DType::kBF16 : DType::kF32;
    recipe.stages.push_back(searching(StageKind::kSearch, "search", "none", tuned, refine));
    StageRecipe tune(StageKind::kFinetune);
    tune.name = "tune";
    tune.from = recipe.stages.back().makes;
    tune.makes = fmt::format("tuned_{}", format_length(tuned));
    TrainRecipe& train = tune.train();
    train.length = tuned;
    train.batch_sequences = std::max<int64_t>(1, kTokensPerStep / tuned);
    train.steps = kSteps;
    train.warmup_steps = 20;
    recipe.stages.push_back(tune);
    if (request_.target > tuned) {
      recipe.stages.push_back(searching(StageKind::kSearch, "further", tune.makes, request_.target, refine));
    }
    recipe.stages.push_back(searching(StageKind::kReadjust, "readjust", tune.makes, window_, refine));
    StageRecipe scores(StageKind::kEvaluate);
    scores.name = "scores";
    scores.evaluate().lengths = {window_};
    if (tuned < request_.target) scores.evaluate().lengths.push_back(tuned);
    scores.evaluate().lengths.push_back(request_.target);
    scores.evaluate().windows = 10;
    recipe.stages.push_back(scores);
    return recipe;
  }

  void plan() {
    PlanSettings settings = request_.settings;
    const MeshRecipe& mesh = draft_.recipe.mesh;
    settings.mesh = choose_mesh(mesh, mesh.data * mesh.sequence, config_, settings.device.devices_a_host);
    draft_.stages = plan_recipe(draft_.recipe, config_, settings);
    draft_.totals = totals_of(draft_.stages, settings.memory_limit);
    draft_.search_seconds = 0;
    for (const StagePlan& stage : draft_.stages) {
      if (is_searching(stage.kind)) draft_.search_seconds += totals_of(stage, 0).seconds;
      if (is_training(stage.kind)) draft_.seconds_per_step = stage.passes.front().seconds;
    }
  }

  // What follows from the times.
  void settle() {
    draft_.gradient_seconds = draft_.search_seconds;
    const double training = draft_.seconds_per_step * static_cast<double>(kSteps);
    if (draft_.search_seconds > std::max(kGradientSeconds, kGradientShare * training)) {
      try_with(draft_.tuned_length, SearchRefine::kNone);
    }
    const double steps =
        draft_.seconds_per_step > 0 ? std::floor(kSecondsBetweenCheckpoints / draft_.seconds_per_step) : 0;
    draft_.checkpoint_every = std::clamp<int64_t>(static_cast<int64_t>(steps), 1, kSteps / 8);
    draft_.window = window_;
  }

  const DraftRequest& request_;
  ModelConfig config_;  // as the recipe wants it
  const int64_t window_;
  RecipeDraft draft_;
};

}  // namespace

RecipeDraft draft_recipe(const DraftRequest& request) { return Draft(request).make(); }

}  // namespace ropeway
