#include "trainer/finetune/number_check.h"

#include <cmath>
#include <functional>

#include "kernels/base/error.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/finetune/step_batches.h"

namespace ropeway {
namespace {

// place: in the flat array of all weights, of an element of the tensor.
void require_finite(const TrainContext& context, const char* what, const at::Tensor& flat,
                    const std::function<int64_t(int64_t)>& place, const std::string& when) {
  const ops::NonFinite found = ops::find_non_finite(flat);
  if (found.count == 0) return;
  fail(ErrorKind::kNumerics, "{}: {}: {} {} on rank {}: NaN or infinite, as {} of the rank's {} are",
       context.stage_name, when, what, context.parameters->name_at(place(found.first)),
       context.mesh->world().rank(), found.count, flat.numel());
}

// -1: each is finite.
int64_t first_bad_window(const TrainRecipe& options, const TrainContext& context, int64_t first_window,
                         double loss_scale) {
  const WindowRange share = share_of_step(options, context, first_window);
  int64_t found = -1;
  for (int64_t window = share.begin; window < share.end; ++window) {
    const LocalBatch batch = batches_of(context, {window, window + 1}, 1).front();
    const double loss = context.model->forward_backward(batch, factors_of(context), loss_scale);
    const NonFiniteShare own = look_at_share(context, loss);
    if (found < 0 && (own.loss || !own.gradient.empty())) found = window;
    context.parameters->clear_gradients();
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
    for (const auto& [flat, begin] : context.parameters->held_weights()) {
      require_finite(
          context, "weight", flat, [begin = begin](int64_t i) { return begin + i; }, when);
    }
    const auto place = [&](int64_t i) { return optimizer.global_index(i); };
    if (!optimizer.masters_are_weights()) {
      require_finite(context, "the master of weight", optimizer.master(), place, when);
    }
    require_finite(context, "the first moment of weight", optimizer.moment1(), place, when);
    require_finite(context, "the second moment of weight", optimizer.moment2(), place, when);
  });
}

NonFiniteShare look_at_share(const TrainContext& context, double loss) {
  return {.loss = !std::isfinite(loss), .gradient = context.parameters->non_finite_gradient()};
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
