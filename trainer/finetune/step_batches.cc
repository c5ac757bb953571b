#include "trainer/finetune/step_batches.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/ne.h>
#include <ATen/ops/sum.h>

#include <algorithm>

#include "kernels/loss/cross_entropy.h"
#include "kernels/ops/fingerprint.h"

namespace ropeway {
namespace {

constexpr int64_t kShortSet = 1;  // of factors_of(); 0: the others

}  // namespace

WindowRange share_of_step(const TrainRecipe& options, const TrainContext& context, int64_t first_window) {
  const Mesh& mesh = *context.mesh;
  const int64_t share = options.batch_sequences / mesh.size(Axis::kData);
  const int64_t begin = first_window + mesh.index(Axis::kData) * share;
  return {begin, begin + share};
}

std::vector<LocalBatch> batches_of(const TrainContext& context, const WindowRange& windows, int64_t at_once,
                                   uint64_t* tokens) {
  std::vector<LocalBatch> batches;
  for (int64_t begin = windows.begin; begin < windows.end; begin += at_once) {
    std::vector<std::vector<int32_t>> sequences;
    std::vector<std::vector<float>> weights;
    std::vector<SequenceSpec> specs;
    for (int64_t i = begin; i < std::min(begin + at_once, windows.end); ++i) {
      Window window = context.windows->window(static_cast<uint64_t>(i));
      if (tokens != nullptr) {
        const uint64_t both[] = {*tokens, ops::fingerprint(std::as_bytes(std::span(window.tokens)))};
        *tokens = ops::fingerprint(std::as_bytes(std::span(both)));
      }
      specs.push_back({.length = std::ssize(window.tokens),
                       .documents = std::move(window.documents),
                       .factor_set = window.is_short ? kShortSet : 0,
                       .jumps = std::move(window.jumps)});
      sequences.push_back(std::move(window.tokens));
      weights.push_back(std::move(window.weights));
    }
    const SequenceLayout layout(context.model->attention().split(), std::move(specs));
    batches.push_back(make_local_batch(sequences, weights, layout,
                                       context.parameters->weight_options().dtype().toScalarType()));
  }
  return batches;
}

BatchFactors factors_of(const TrainContext& context) {
  if (!context.short_factors) return context.factors;
  return {context.factors, *context.short_factors};
}

double scored_weight(const LocalBatch& batch) {
  const at::Tensor scored = at::ne(batch.labels, kIgnoredLabel);
  return batch.weights.defined() ? at::sum(batch.weights * scored, at::kDouble).item<double>()
                                 : at::sum(scored).item<double>();
}

}  // namespace ropeway
