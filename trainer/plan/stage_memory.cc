#include "trainer/plan/stage_memory.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "parallel/layout/placement.h"

namespace ropeway {
namespace {

// Short windows are scored together, up to so many tokens (trainer/evaluate/score_sequences.cc).
constexpr int64_t kEvaluatedTogether = 8192;

constexpr int64_t kUsualKeepBytes = int64_t{1} << 30;

constexpr int64_t kSmallestTile = 128, kUsualTile = 2048, kLargestTile = 8192;

// A job's ranks, and what their sequences' chunks are multiples of.
struct Ranks {
  MeshShape mesh;
  int64_t chunk_multiple;
};

StagePass pass_over(Pass pass, int64_t sequences, int64_t length, const Ranks& ranks) {
  const MeshShape& mesh = ranks.mesh;
  const int64_t padded = padded_length(length, mesh.sequence, Placement::kZigzag, ranks.chunk_multiple);
  return {{.pass = pass,
           .sequences = sequences,
           .length = padded / mesh.sequence,
           .ring_ranks = mesh.sequence,
           .all_ranks = mesh.data * mesh.sequence},
          length};
}

}  // namespace

std::vector<StagePass> passes_of(const StageRecipe& stage, const MeshShape& mesh, bool cuda) {
  const Ranks ranks{mesh, cuda ? kGpuChunkMultiple : 1};
  switch (stage.kind) {
    case StageKind::kPretrain:
    case StageKind::kFinetune: {
      const TrainRecipe& train = stage.train;
      const int64_t share = std::max<int64_t>(1, train.batch_sequences / mesh.data);
      const int64_t local = std::max<int64_t>(1, train.length / mesh.sequence);
      const int64_t at_once = std::clamp<int64_t>(train.micro_batch_tokens / local, 1, share);
      return {pass_over(Pass::kTrain, at_once, train.length, ranks)};
    }
    case StageKind::kSearch:
    case StageKind::kReadjust: {
      const bool gradient = stage.search.refine == SearchRefine::kGradient;
      return {pass_over(gradient ? Pass::kFactorGradient : Pass::kEvaluate, 1, stage.search.length, ranks)};
    }
    case StageKind::kEvaluate: {
      std::vector<StagePass> passes;
      for (const int64_t length : stage.evaluate.lengths) {
        passes.push_back(
            pass_over(Pass::kEvaluate, std::max<int64_t>(1, kEvaluatedTogether / length), length, ranks));
      }
      return passes;
    }
  }
  fail(ErrorKind::kInternal, "stage {}: unknown kind", stage.name);
}

StageMemory stage_memory(const ModelConfig& config, const StageRecipe& stage, const MeshShape& mesh,
                         const MemoryOptions& options) {
  StageMemory most;
  for (const StagePass& pass : passes_of(stage, mesh, options.cuda)) {
    const MemoryParts parts = pass_memory(config, pass.shape, options);
    if (parts.total() > most.parts.total()) most = {parts, pass};
  }
  return most;
}

MemoryOptions memory_options(const Recipe& recipe, const ModelConfig& config, const StageRecipe& stage,
                             const MeshShape& mesh, const DeviceMemory& device) {
  const EngineRecipe& engine = recipe.engine;
  MemoryOptions options{.dtype = recipe.dtype,
                        .cuda = device.cuda,
                        .zigzag = recipe.mesh.placement == Placement::kZigzag,
                        .save_attention = engine.save_attention,
                        .narrow_moments = stage.train.moments == DType::kBF16,
                        .offload = engine.activations == ActivationsPlace::kHost,
                        .keep_bytes = engine.keep_bytes >= 0 ? engine.keep_bytes : kUsualKeepBytes};
  const auto with_tiles = [&](int64_t tile) {
    options.tile_tokens = engine.tile_tokens > 0 ? engine.tile_tokens : tile;
    options.loss_tile_tokens = engine.loss_tile_tokens > 0 ? engine.loss_tile_tokens : tile / 2;
    return stage_memory(config, stage, mesh, options).parts;
  };
  with_tiles(kUsualTile);
  if (!device.cuda || device.bytes == 0) return options;
  const bool keeps_what_fits = engine.keep_bytes < 0;
  if (keeps_what_fits) options.keep_bytes = 0;
  const auto fits = [&](int64_t tile) { return with_tiles(tile).total() <= device.bytes; };
  if (engine.activations == ActivationsPlace::kAuto && !fits(kSmallestTile)) options.offload = true;
  int64_t chosen = kSmallestTile;
  for (int64_t tile = kLargestTile; tile > kSmallestTile; tile /= 2) {
    // Beyond the usual size tiles are for small models, whose matrices leave a GPU idle; not for whatever is
    // free.
    const bool modest = tile <= kUsualTile || with_tiles(tile).tiles <= device.bytes / 16;
    if (modest && fits(tile)) {
      chosen = tile;
      break;
    }
  }
  with_tiles(chosen);
  if (keeps_what_fits) {
    // The formulas may be some per cent low, and what is kept only saves work.
    const int64_t room = device.bytes / 10 * 9 - stage_memory(config, stage, mesh, options).parts.total();
    options.keep_bytes = std::max<int64_t>(0, room);
  }
  return options;
}

}  // namespace ropeway
