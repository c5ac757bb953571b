#include "trainer/plan/make_plan.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "parallel/layout/head_shares.h"
#include "trainer/config/recipe.h"
#include "trainer/plan/key_cache_memory.h"
#include "trainer/plan/plan_memory.h"

namespace ropeway {
namespace {

constexpr int64_t kSmallestTile = 128, kUsualTile = 2048, kLargestTile = 8192;

// A plan in the making: the fields that are open are tried against the formulas of memory.
class Decision {
 public:
  Decision(const ModelConfig& config, const PlanRequest& request, const DeviceMemory& device)
      : config_(config), request_(request), bytes_(left_of(device.bytes, key_cache_bytes(config, request))) {
    plan_.work = request.work;
    plan_.dtype = request.dtype;
    plan_.cuda = device.cuda;
    plan_.mesh = request.mesh;
    plan_.placement = request.placement;
    plan_.chunk_multiple = device.cuda ? kGpuChunkMultiple : 1;
    plan_.save_attention = request.save_attention;
    plan_.narrow_moments = request.narrow_moments;
    plan_.zero = shared(request.zero.value_or(plan_.zero));
    plan_.offload = request.offload.value_or(plan_.offload);
    plan_.keep_bytes = request.keep_bytes.value_or(plan_.keep_bytes);
    if (request.work.pass == Pass::kTrain) plan_.micro_batch = micro_batch_of(request.work, request.mesh);
    if (request.work.one_at_a_time) plan_.score_batch_tokens = 0;
    plan_.head_groups = request.head_groups.value_or(1);
    with_tiles(kUsualTile);
  }

  EnginePlan plan() {
    if (!plan_.cuda || bytes_ == 0) return plan_;
    if (!request_.keep_bytes) plan_.keep_bytes = 0;
    if (!fits_in_groups()) share_more();
    with_tiles(largest_tile());
    if (!request_.keep_bytes) {
      // The formulas may be some per cent low, and what is kept only saves work.
      const int64_t room = bytes_ / 10 * 9 - plan_memory(config_, plan_).parts.total();
      plan_.keep_bytes = std::max<int64_t>(0, room);
    }
    return plan_;
  }

 private:
  // 0 means unknown.
  static int64_t left_of(int64_t bytes, int64_t cache) {
    return bytes == 0 ? 0 : std::max<int64_t>(1, bytes - cache);
  }

  // What a stage comes to for this work: ranks that train share it all, those of a row the weights alone.
  ZeroStage shared(ZeroStage stage) const {
    const MeshShape& mesh = request_.mesh;
    if (request_.work.pass == Pass::kTrain) {
      return mesh.data * mesh.sequence > 1 ? stage : ZeroStage::kOptimizerState;
    }
    return stage == ZeroStage::kWeights && mesh.sequence > 1 ? stage : ZeroStage::kOptimizerState;
  }

  // The first of the ways that are open, cheapest first, with which the work fits; the last if it does with
  // none.
  void share_more() {
    using enum ZeroStage;
    struct Way {
      ZeroStage zero;
      bool offload;
    };
    for (const Way& way : {Way{kOptimizerState, true}, Way{kGradients, false}, Way{kGradients, true},
                           Way{kWeights, false}, Way{kWeights, true}}) {
      if (!request_.zero) plan_.zero = shared(way.zero);
      if (!request_.offload) plan_.offload = way.offload;
      if (fits_in_groups()) return;
    }
  }

  MemoryParts with_tiles(int64_t tile) {
    plan_.tile_tokens = request_.tile_tokens.value_or(tile);
    plan_.loss_tile_tokens = request_.loss_tile_tokens.value_or(tile / 2);
    return plan_memory(config_, plan_).parts;
  }
  bool fits(int64_t tile) { return with_tiles(tile).total() <= bytes_; }

  // Heads in as few groups as make it fit, where a ring or neighbours hold something for each; 1 if none do.
  bool fits_in_groups() {
    if (request_.head_groups || plan_.mesh.sequence == 1) return fits(kSmallestTile);
    for (int groups = 1; groups <= config_.num_kv_heads; ++groups) {
      if (!can_group_heads(config_.num_heads, config_.num_kv_heads, groups, plan_.mesh.heads)) continue;
      plan_.head_groups = groups;
      if (fits(kSmallestTile)) return true;
    }
    plan_.head_groups = 1;
    return false;
  }

  int64_t largest_tile() {
    for (int64_t tile = kLargestTile; tile > kSmallestTile; tile /= 2) {
      // Beyond the usual size tiles are for small models, whose matrices leave a GPU idle; not for whatever
      // is free.
      const bool modest = tile <= kUsualTile || with_tiles(tile).tiles <= bytes_ / 16;
      if (modest && fits(tile)) return tile;
    }
    return kSmallestTile;
  }

  const ModelConfig& config_;
  const PlanRequest& request_;
  const int64_t bytes_;
  EnginePlan plan_;
};

int64_t windows_with_own_positions(const TrainRecipe& train) {
  const int64_t windows = train.steps * train.batch_sequences;
  if (train.skip_target > 0) return windows;
  return static_cast<int64_t>(std::ceil(static_cast<double>(windows) * train.short_share));
}

}  // namespace

Workload workload_of(const TrainRecipe& train) {
  return {.pass = Pass::kTrain,
          .lengths = {train.length},
          .batch_sequences = train.batch_sequences,
          .micro_batch_tokens = train.micro_batch_tokens,
          .windows_with_own_positions = windows_with_own_positions(train),
          .moments_may_be_narrow = train.beta2 <= kLargestBeta2OfNarrowMoments};
}

Workload workload_of(const EvaluateRecipe& evaluate) {
  return {.pass = Pass::kEvaluate, .lengths = evaluate.lengths};
}

Workload workload_of(const StageRecipe& stage) {
  switch (stage.kind()) {
    case StageKind::kPretrain:
    case StageKind::kFinetune:
      return workload_of(stage.train());
    case StageKind::kSearch:
    case StageKind::kReadjust:
      return {
          .pass = stage.search().refine == SearchRefine::kGradient ? Pass::kFactorGradient : Pass::kEvaluate,
          .lengths = {stage.search().length},
          .one_at_a_time = true};
    case StageKind::kEvaluate:
      return workload_of(stage.evaluate());
  }
  fail(ErrorKind::kInternal, "stage {}: unknown kind", stage.name);
}

PlanRequest plan_request(const Recipe& recipe, const StageRecipe& stage, const MeshShape& mesh) {
  const EngineRecipe& engine = recipe.engine;
  PlanRequest request{.work = workload_of(stage),
                      .dtype = recipe.dtype,
                      .mesh = mesh,
                      .placement = recipe.mesh.placement,
                      .save_attention = engine.save_attention,
                      .narrow_moments = is_training(stage.kind()) && stage.train().moments == DType::kBF16};
  if (stage.kind() == StageKind::kEvaluate) request.cached_length = generated_length(stage.evaluate());
  if (engine.activations != ActivationsPlace::kAuto) {
    request.offload = engine.activations == ActivationsPlace::kHost;
  }
  if (engine.zero > 0) request.zero = static_cast<ZeroStage>(engine.zero);
  if (engine.keep_bytes >= 0) request.keep_bytes = engine.keep_bytes;
  if (engine.head_groups > 0) request.head_groups = engine.head_groups;
  if (engine.tile_tokens > 0) request.tile_tokens = engine.tile_tokens;
  if (engine.loss_tile_tokens > 0) request.loss_tile_tokens = engine.loss_tile_tokens;
  return request;
}

int64_t key_cache_bytes(const ModelConfig& config, const PlanRequest& request) {
  if (request.cached_length == 0) return 0;
  return key_cache_bytes(config, request.cached_length, request.mesh.sequence, bytes_of(request.dtype),
                         request.cache_unrotated);
}

EnginePlan make_engine_plan(const ModelConfig& config, const PlanRequest& request,
                            const DeviceMemory& device) {
  return Decision(config, request, device).plan();
}

}  // namespace ropeway
