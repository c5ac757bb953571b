#include "trainer/finetune/train_checkpoint.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/board/position.h"
#include "trainer/checkpoint/checkpoint_load.h"
#include "trainer/model/shared_weights.h"
#include "trainer/model/weight_files.h"
#include "trainer/rope/factor_file.h"

namespace ropeway {
namespace {

struct NamedState {
  const char* name;
  at::Tensor tensor;
};

std::vector<NamedState> optimizer_state(const ShardedAdamW& optimizer) {
  return {
      {"master", optimizer.master()}, {"exp_avg", optimizer.moment1()}, {"exp_avg_sq", optimizer.moment2()}};
}

DType dtype_of(const at::Tensor& state) {
  if (state.scalar_type() == at::kBFloat16) return DType::kBF16;
  return state.scalar_type() == at::kDouble ? DType::kF64 : DType::kF32;
}

void require_same(const std::string& what, const std::string& found, const std::string& wanted,
                  const std::filesystem::path& checkpoint) {
  if (found != wanted) {
    fail(ErrorKind::kBadData, WayOut::kStartAnew, "{}: the checkpoint was made with {} {}, this run has {}",
         checkpoint.string(), what, found, wanted);
  }
}

void gather_from_shares(const ParameterStore& store, HostCopies* copies, CheckpointContent& content) {
  const at::Tensor share = store.own_share();
  const at::Tensor own = copies != nullptr ? copies->copy(share) : share.to(at::kCPU);
  content.gathered_bytes = store.weight_shards()->total() * static_cast<int64_t>(own.element_size());
  content.gather_weights = [own, &store](Communicator& group) {
    return std::make_unique<SharedWeights>(group, store.names(), *store.weight_shards(), own);
  };
}

// That the stage trains under; where it starts from none, both are the original RoPE.
std::vector<FactorSet> sets_of(const TrainContext& context) {
  std::vector<FactorSet> sets = {context.factors};
  const auto& of_short = context.short_factors;
  if (of_short && of_short->name != context.factors.name) sets.push_back(*of_short);
  return sets;
}

}  // namespace

Retention retention_of(const TrainRecipe& options) {
  return {.newest = static_cast<int>(options.keep_checkpoints), .every = options.keep_every};
}

CheckpointContent checkpoint_content(const TrainContext& context, const ShardedAdamW& optimizer,
                                     const TrainState& state, HostCopies* copies) {
  CheckpointContent content;
  content.step = state.step;
  content.recipe_sha256 = context.recipe_sha256;
  content.companions = context.companions;
  content.state_json = nlohmann::json{{"stage", context.stage_name},
                                      {"skipped_steps", state.skipped_steps},
                                      {"skipped_in_a_row", state.skipped_in_a_row},
                                      {"spikes", state.spikes},
                                      {"rollbacks", state.rollbacks},
                                      {"passed_over", state.passed_over},
                                      {"losses", state.history.losses},
                                      {"gradient_norms", state.history.gradient_norms},
                                      {"recent_losses", state.recent_losses},
                                      {"optimizer_steps", optimizer.steps_taken()},
                                      {"data_fingerprint", context.data_fingerprint},
                                      {"factor_sets", factor_sets_to_json(sets_of(context))}}
                           .dump(2);
  const bool rank_0 = context.mesh->world().rank() == 0;
  const bool shared = !context.parameters->replicated();
  if (copies != nullptr) copies->start_over();
  auto weights = std::make_shared<std::vector<NamedTensor>>();
  if (shared) {
    gather_from_shares(*context.parameters, copies, content);
  } else {
    *weights = context.parameters->weights_on_host(rank_0);
  }
  if (copies != nullptr && !shared) {
    // All at once, and masters that are the weights with them; of what is on a GPU there are copies already.
    const bool on_host = context.parameters->weight_options().device().is_cpu();
    if (rank_0 && on_host) {
      for (const auto& held : context.parameters->held_weights()) copies->copy(held.flat);
    }
    for (NamedTensor& weight : *weights) {
      if (on_host) weight.tensor = copies->copy(weight.tensor);
    }
  }
  content.weights = tensors_to_write(*weights);
  auto parts = std::make_shared<std::vector<NamedState>>(optimizer_state(optimizer));
  for (NamedState& part : *parts) {
    part.tensor = copies != nullptr ? copies->copy(part.tensor) : part.tensor.to(at::kCPU);
    content.optimizer.push_back(
        {part.name, dtype_of(part.tensor), {part.tensor.numel()}, part.tensor.data_ptr()});
  }
  content.memory = std::make_shared<std::pair<decltype(weights), decltype(parts)>>(weights, parts);
  context.exchange->check();  // before what an abort may have spoilt is kept
  for (const FlatRange& piece : optimizer.pieces())
    content.optimizer_parts.push_back({piece.begin, piece.end});
  content.optimizer_total = optimizer.total();
  return content;
}

int64_t bytes_of_copies(const TrainContext& context, const ShardedAdamW& optimizer,
                        const HostCopies& copies) {
  ParameterStore& store = *context.parameters;
  std::vector<at::Tensor> tensors;
  int64_t fetched = 0;
  if (!store.replicated()) {
    tensors.push_back(store.own_share());
  } else if (context.mesh->world().rank() == 0) {
    const bool on_host = store.weight_options().device().is_cpu();
    for (const auto& held : store.held_weights()) {
      if (on_host) tensors.push_back(held.flat);
      // From a GPU they are fetched anew for each checkpoint.
      if (!on_host) fetched += static_cast<int64_t>(held.flat.nbytes());
    }
  }
  for (const NamedState& part : optimizer_state(optimizer)) tensors.push_back(part.tensor);
  return fetched + copies.bytes_to_take(tensors);
}

TrainState restore_train_checkpoint(const TrainContext& context, ShardedAdamW& optimizer) {
  const InPhase loading(Phase::kLoading);
  const auto loaded = load_newest_checkpoint(context.mesh->world(), context.checkpoint_folder);
  if (!loaded) return {};
  const auto& earlier = context.earlier_recipes;
  if (std::find(earlier.begin(), earlier.end(), loaded->recipe_sha256) == earlier.end()) {
    require_same("recipe", loaded->recipe_sha256, context.recipe_sha256, loaded->path);
  }
  const auto state = nlohmann::json::parse(loaded->state_json);
  require_same("training data", state.at("data_fingerprint"), context.data_fingerprint, loaded->path);
  // Read and written again: of an older version it is the same set in other words.
  const FactorFile trained =
      factor_sets_from_json(state.at("factor_sets").get<std::string>(), loaded->path.string());
  require_same("factor set", factor_sets_to_json(trained.sets), factor_sets_to_json(sets_of(context)),
               loaded->path);

  std::vector<at::Tensor> restored;
  for (const NamedState& part : optimizer_state(optimizer)) {
    restored.push_back(at::empty({optimizer.count()}, part.tensor.options().device(at::kCPU)));
    auto* next = static_cast<std::byte*>(restored.back().data_ptr());
    for (const FlatRange& piece : optimizer.pieces()) {
      loaded->read_optimizer({part.name, dtype_of(part.tensor)}, piece.begin, piece.end, next);
      next += piece.size() * static_cast<int64_t>(part.tensor.element_size());
    }
  }
  // The masters hold what the weights are rounded from: they bring the weights back too.
  optimizer.restore(restored[0], restored[1], restored[2], state.at("optimizer_steps"));
  log_info("{}: resumes after step {} from {}", context.stage_name, loaded->step, loaded->path.string());
  // What earlier versions did not count starts at nothing.
  const auto count = [&](const char* name) { return state.value(name, int64_t{0}); };
  const auto list = [&](const char* name) { return state.value(name, std::vector<double>{}); };
  return {.step = loaded->step,
          .skipped_steps = count("skipped_steps"),
          .skipped_in_a_row = count("skipped_in_a_row"),
          .spikes = count("spikes"),
          .rollbacks = count("rollbacks"),
          .passed_over = count("passed_over"),
          .history = {list("losses"), list("gradient_norms")},
          .recent_losses = list("recent_losses")};
}

}  // namespace ropeway
