#include "trainer/plan/suggestions.h"

#include <algorithm>

namespace ropeway {
namespace {

// The plan on another mesh or at other lengths.
EnginePlan moved(EnginePlan plan, const MeshShape& mesh) {
  plan.mesh = mesh;
  if (plan.work.pass == Pass::kTrain) plan.micro_batch = micro_batch_of(plan.work, mesh);
  return plan;
}

class Changes {
 public:
  explicit Changes(const MemoryQuestion& question) : q_(question), now_(plan_memory(q_.config, q_.plan)) {}

  std::vector<Suggestion> all() {
    if (has(Knob::kOffload)) offload();
    if (has(Knob::kDtype)) narrower_type();
    if (has(Knob::kMoments)) narrower_moments();
    if (has(Knob::kZero)) share_weights();
    if (has(Knob::kSequenceRanks)) more_ranks();
    if (has(Knob::kKeepBytes)) keep_less();
    if (has(Knob::kTiles)) smaller_tiles();
    if (has(Knob::kSaveAttention)) repeat_attention();
    if (has(Knob::kSharedSequences)) fewer_together();
    if (has(Knob::kLength)) shorter();
    if (has(Knob::kHostMemory)) host();
    return changes_;
  }

 private:
  bool has(Knob knob) const { return std::find(q_.knobs.begin(), q_.knobs.end(), knob) != q_.knobs.end(); }
  int64_t now() const { return now_.parts.total(); }
  int64_t bytes_of(const EnginePlan& plan) const { return plan_memory(q_.config, plan).parts.total(); }
  void offer(Knob knob, const EnginePlan& plan) {
    const MemoryParts parts = plan_memory(q_.config, plan).parts;
    const int64_t bytes = parts.total();
    if (bytes < now() - now() / 20) changes_.push_back({knob, plan, parts, now() - bytes, bytes <= q_.limit});
  }

  void offload() {
    EnginePlan plan = q_.plan;
    plan.offload = true;
    offer(Knob::kOffload, plan);
  }
  void narrower_type() {
    if (q_.plan.dtype == DType::kBF16) return;
    EnginePlan plan = q_.plan;
    plan.dtype = q_.plan.dtype == DType::kF64 ? DType::kF32 : DType::kBF16;
    offer(Knob::kDtype, plan);
  }
  void narrower_moments() {
    EnginePlan plan = q_.plan;
    if (plan.narrow_moments || plan.dtype == DType::kF64 || !plan.work.moments_may_be_narrow) return;
    plan.narrow_moments = true;
    offer(Knob::kMoments, plan);
  }
  void share_weights() {
    const MeshShape& mesh = q_.plan.mesh;
    const int ranks = q_.plan.work.pass == Pass::kTrain ? mesh.data * mesh.sequence : mesh.sequence;
    if (ranks == 1 || q_.plan.zero == ZeroStage::kWeights) return;
    EnginePlan plan = q_.plan;
    plan.zero = ZeroStage::kWeights;
    offer(Knob::kZero, plan);
  }
  void keep_less() {
    if (q_.plan.keep_bytes == 0) return;
    EnginePlan plan = q_.plan;
    plan.keep_bytes = 0;
    offer(Knob::kKeepBytes, plan);
  }
  void smaller_tiles() {
    EnginePlan plan = q_.plan;
    plan.tile_tokens = std::min<int64_t>(plan.tile_tokens, 512);
    plan.loss_tile_tokens = std::min<int64_t>(plan.loss_tile_tokens, 256);
    offer(Knob::kTiles, plan);
  }
  void repeat_attention() {
    if (!q_.plan.save_attention) return;
    EnginePlan plan = q_.plan;
    plan.save_attention = false;
    offer(Knob::kSaveAttention, plan);
  }
  void fewer_together() {
    const MeshShape& mesh = q_.plan.mesh;
    if (mesh.data == 1) return;
    offer(Knob::kSharedSequences, moved(q_.plan, {1, mesh.data * mesh.sequence, mesh.heads}));
  }

  // The fewest ranks that make it fit, found by doubling; at least twice as many, and never so many that each
  // has a handful of tokens.
  void more_ranks() {
    constexpr int64_t kFewestTokens = 1024;
    const int64_t length = now_.pass.length;
    MeshShape mesh = q_.plan.mesh;
    if (length / (2 * mesh.sequence) < kFewestTokens) return;
    EnginePlan plan;
    do {
      mesh.sequence *= 2;
      plan = moved(q_.plan, mesh);
    } while (bytes_of(plan) > q_.limit && length / (2 * mesh.sequence) >= kFewestTokens);
    offer(Knob::kSequenceRanks, plan);
  }

  // The longest lengths that fit, found by halving.
  void shorter() {
    EnginePlan plan = q_.plan;
    if (plan.work.lengths.empty()) return;
    for (int halvings = 0; halvings < 20; ++halvings) {
      for (int64_t& length : plan.work.lengths) length /= 2;
      const auto& lengths = plan.work.lengths;
      if (*std::min_element(lengths.begin(), lengths.end()) < 2 * plan.mesh.sequence) return;
      plan = moved(plan, plan.mesh);
      if (bytes_of(plan) <= q_.limit) break;
    }
    offer(Knob::kLength, plan);
  }

  void host() {
    if (!q_.plan.cuda) return;
    EnginePlan plan = q_.plan;
    plan.cuda = false;
    changes_.push_back({Knob::kHostMemory, plan, plan_memory(q_.config, plan).parts, now(), true});
  }

  const MemoryQuestion& q_;
  const PlanMemory now_;
  std::vector<Suggestion> changes_;
};

}  // namespace

std::vector<Knob> recipe_knobs() {
  return {Knob::kOffload,         Knob::kDtype,     Knob::kMoments, Knob::kZero,
          Knob::kSequenceRanks,   Knob::kKeepBytes, Knob::kTiles,   Knob::kSaveAttention,
          Knob::kSharedSequences, Knob::kLength};
}

std::vector<Suggestion> suggestions(const MemoryQuestion& question) {
  std::vector<Suggestion> changes = Changes(question).all();
  std::stable_partition(changes.begin(), changes.end(),
                        [](const Suggestion& change) { return change.enough; });
  constexpr size_t kShown = 3;
  if (changes.size() > kShown) changes.resize(kShown, changes.front());
  return changes;
}

}  // namespace ropeway
