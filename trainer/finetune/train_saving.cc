#include "trainer/finetune/train_saving.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/base/error.h"
#include "kernels/base/host_name.h"
#include "kernels/base/log.h"
#include "kernels/base/seconds_since.h"
#include "kernels/ops/host_copies.h"
#include "kernels/ops/optim_ops.h"
#include "parallel/board/position.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/stop_agreement.h"
#include "trainer/finetune/number_check.h"
#include "trainer/plan/memory_model.h"

namespace ropeway {
namespace {

// Of a disk that no save has measured yet.
constexpr double kLikelyBytesPerSecond = 200e6;

// Of a host's memory, when copies are made in it.
constexpr int64_t kLeftToOthers = int64_t{256} << 20;

// Adds the time of a scope.
class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds) {}
  ~Stopwatch() { seconds_ += seconds_since(begin_); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& seconds_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace

TrainSaving::TrainSaving(const TrainRecipe& options, const TrainContext& context,
                         const ShardedAdamW& optimizer, int64_t newest)
    : options_(options),
      context_(context),
      optimizer_(optimizer),
      newest_(newest),
      background_(context.mesh->world()) {
  if (context_.stop == nullptr) return;
  const auto bytes = static_cast<double>(optimizer.count() * 12 + optimizer.total() * 4);
  context_.stop->expect_saving(bytes / kLikelyBytesPerSecond, false);
}

// One exchange per step. Rank 0's clock counts.
TrainSaving::Agreed TrainSaving::agree(const TrainState& state) {
  const bool last = state.step == options_.steps;
  const Cadence& every = options_.checkpoint_every;
  const bool asked = !last && ((context_.should_stop && context_.should_stop()) ||
                               (context_.stop != nullptr && context_.stop->agreed()));
  const bool due = every.seconds > 0 ? rank_0() && seconds_since(last_) >= every.seconds
                                     : every.steps > 0 && state.step % every.steps == 0;
  uint8_t flags[] = {asked, due, background_.failed()};
  context_.mesh->world().all_reduce(flags, std::size(flags), DType::kU8, ReduceOp::kMax);
  return {.stop = flags[0] != 0, .due = flags[1] != 0 || last, .failed = flags[2] != 0};
}

bool TrainSaving::after_step(const TrainState& state) {
  const auto [stop, due, failed] = agree(state);
  if (failed) {
    finish();
    fail(ErrorKind::kPeer, "{}: a checkpoint could not be saved on another rank", context_.stage_name);
  }
  if (background_.ended()) collect();
  if (stop || state.step == options_.steps) {
    save(state);
  } else if (due) {
    save_beside(state);
  }
  return stop;
}

void TrainSaving::save_before_stop(const TrainState& state) {
  if (state.step == 0) return;
  save(state);
}

void TrainSaving::save(const TrainState& state) {
  const InPhase saving(Phase::kSaving);
  finish();
  if (newest_ == state.step) return;
  const Stopwatch waiting(cost_.waited);
  require_finite_state(context_, optimizer_, fmt::format("after step {}, not saved", state.step));
  save_checkpoint(context_.mesh->world(), context_.checkpoint_folder,
                  checkpoint_content(context_, optimizer_, state, nullptr), retention_of(options_));
  newest_ = state.step;
  ++cost_.checkpoints;
}

// Ranks of one host share what it has. Said once where it is too little.
bool TrainSaving::has_room_for_copies() {
  struct Share {
    char host[64] = "";
    int64_t bytes = 0, available = 0;
  };
  Share own{.bytes = bytes_of_copies(context_, optimizer_, copies_),
            .available = ops::available_host_bytes()};
  host_name().copy(own.host, sizeof own.host - 1);
  std::vector<Share> all(static_cast<size_t>(context_.mesh->world().size()));
  context_.mesh->world().all_gather(&own, all.data(), sizeof own);
  for (const Share& share : all) {
    int64_t bytes = 0, available = share.available;
    for (const Share& other : all) {
      if (std::string_view(other.host) != share.host) continue;
      bytes += other.bytes;
      available = std::min(available, other.available);
    }
    if (bytes == 0 || bytes + kLeftToOthers <= available) continue;
    if (rank_0() && !std::exchange(told_of_room_, true)) {
      log_warning(
          "{}: the copies from which a checkpoint is written beside training need {} on {}, where {} are "
          "available: checkpoints are written while training waits",
          context_.stage_name, bytes_text(bytes), share.host, bytes_text(available));
    }
    return false;
  }
  return true;
}

void TrainSaving::save_beside(const TrainState& state) {
  const InPhase saving(Phase::kSaving);
  finish();
  if (!has_room_for_copies()) {
    last_ = Clock::now();
    return save(state);
  }
  const Stopwatch waiting(cost_.waited);
  last_ = Clock::now();
  CheckpointContent content = checkpoint_content(context_, optimizer_, state, &copies_);
  // Rank 0's weights are among its copies.
  const bool finite =
      copies_.finite() &&
      (rank_0() || std::ranges::all_of(context_.parameters->held_weights(), [](const auto& held) {
         return ops::find_non_finite(held.flat).count == 0;
       }));
  if (any_rank(context_.mesh->world(), !finite)) {
    require_finite_state(context_, optimizer_, fmt::format("after step {}, not saved", state.step));
    fail(ErrorKind::kNumerics, "{}: after step {}, not saved: what was copied is not finite",
         context_.stage_name, state.step);
  }
  background_.start(context_.checkpoint_folder, std::move(content), retention_of(options_));
  newest_ = state.step;
  ++cost_.checkpoints;
}

void TrainSaving::finish() {
  if (!background_.in_flight()) return;
  const Stopwatch waiting(cost_.waited);
  collect();
}

// What the thread has to say; waits for it.
void TrainSaving::collect() {
  if (!background_.in_flight()) return;
  background_.finish();
  cost_.written += background_.seconds();
  if (context_.stop != nullptr) context_.stop->expect_saving(background_.seconds(), cost_.checkpoints == 1);
  if (cost_.checkpoints == 1) tell_cost();
}

void TrainSaving::tell_cost() const {
  if (!rank_0()) return;
  const std::string what = cost_.checkpoints == 1 ? fmt::format("the checkpoint of step {}", newest_)
                                                  : fmt::format("{} checkpoints", cost_.checkpoints);
  log_info("{}: {} took {:.3g} s beside training, which waited {:.2g} s: {:.2g} % of its time",
           context_.stage_name, what, cost_.written, cost_.waited,
           100 * cost_.waited / std::max(seconds_since(begin_), 1e-9));
}

}  // namespace ropeway
