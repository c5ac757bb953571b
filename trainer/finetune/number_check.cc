#include "trainer/finetune/number_check.h"

#include <cmath>

#include "kernels/base/error.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/finetune/step_batches.h"

namespace ropeway {
namespace {

// `begin`: where the tensor begins in the flat arrays.
void require_finite(const TrainContext& context, const char* what, const at::Tensor& flat, int64_t begin,
                    const std::string& when) {
  const ops::NonFinite found = ops::find_non_finite(flat);
  if (found.count == 0) return;
  fail(ErrorKind::kNumerics, "{}: {}: {} {} on rank {}: NaN or infinite, as {} of the rank's {} are",
       context.stage_name, when, what, context.parameters->name_at(begin + found.first),
       context.mesh->world().rank(), found.count, flat.numel());
}

// -1: each is finite.
int64_t first_bad_window(const TrainRecipe& options, const TrainContext& context, int64_t first_window,
                         double loss_scale) {
  const at::Tensor gradients = context.parameters->flat_parameters().gradients;
  const WindowRange share = share_of_step(options, context, first_window);
  int64_t found = -1;
  for (int64_t window = share.begin; window < share.end; ++window) {
    const LocalBatch batch = batches_of(context, {window, window + 1}, 1).front();
    const double loss = context.model->forward_backward(batch, context.factors, loss_scale);
    const NonFiniteShare own = look_at_share(context, loss);
    if (found < 0 && (own.loss || !own.gradient.empty())) found = window;
    gradients.zero_();
  }
  return found;
}

std::string words_for_ranks(const std::vector<std::string>& findings) {
  const std::string* first = nullptr;
  size_t rank = 0, more = 0;
  for (size_t r = 0; r < findings.size(); ++r) {
    if (findings[r].empty()) continue;
    if (first == nullptr) {
      first = &findings[r];
      rank = r;
    } else {
      ++more;
    }
  }
  if (first == nullptr) return "each rank's share is finite, their sum is not";
  std::string words = fmt::format("{} on rank {}", *first, rank);
  if (more > 0) words += fmt::format(" and {} more", more);
  return words;
}

}  // namespace

void require_finite_state(const TrainContext& context, const ShardedAdamW& optimizer,
                          const std::string& when) {
  run_on_all_ranks(context.mesh->world(), [&] {
    const at::Tensor weights = context.parameters->flat_parameters().weights;
    const int64_t begin = optimizer.range().begin;
    require_finite(context, "weight", weights, 0, when);
    if (optimizer.master().scalar_type() != weights.scalar_type()) {
      require_finite(context, "the master of weight", optimizer.master(), begin, when);
    }
    require_finite(context, "the first moment of weight", optimizer.moment1(), begin, when);
    require_finite(context, "the second moment of weight", optimizer.moment2(), begin, when);
  });
}

NonFiniteShare look_at_share(const TrainContext& context, double loss) {
  NonFiniteShare share{.loss = !std::isfinite(loss), .gradient = {}};
  const ops::NonFinite found = ops::find_non_finite(context.parameters->flat_parameters().gradients);
  // Flat arrays are in the order of the forward pass.
  if (found.count > 0) share.gradient = context.parameters->name_at(found.last);
  return share;
}

std::string describe_non_finite_step(const TrainRecipe& options, const TrainContext& context,
                                     const NonFiniteShare& own, int64_t first_window, double loss_scale) {
  Communicator& world = context.mesh->world();
  std::string finding = own.loss ? "the loss" : "";
  if (!own.gradient.empty()) {
    finding += fmt::format("{}the gradient of {}", own.loss ? " and " : "", own.gradient);
  }
  const std::vector<std::string> findings = all_gather_strings(world, finding);
  const std::vector<std::string> windows = all_gather_strings(
      world, fmt::format("{}", first_bad_window(options, context, first_window, loss_scale)));
  for (const std::string& window : windows) {
    if (window != "-1") return fmt::format("{}; window {}", words_for_ranks(findings), window);
  }
  return words_for_ranks(findings) + "; computed again, each of its windows is finite";
}

}  // namespace ropeway
