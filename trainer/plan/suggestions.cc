#include "trainer/plan/suggestions.h"

#include <fmt/format.h>

#include <algorithm>

#include "trainer/config/lengths.h"
#include "trainer/config/recipe.h"

namespace ropeway {
namespace {

struct Change {
  std::string text;
  int64_t bytes = 0;
};

class Changes {
 public:
  explicit Changes(const MemoryQuestion& question)
      : q_(question), now_(stage_memory(q_.config, q_.stage, q_.mesh, q_.options).parts.total()) {}

  std::vector<Change> all() {
    if (in_recipe()) offload();
    narrower_type();
    narrower_moments();
    more_ranks();
    if (in_recipe()) {
      keep_less();
      smaller_tiles();
      repeat_attention();
    }
    fewer_together();
    shorter();
    if (!in_recipe()) host();
    return changes_;
  }

 private:
  bool in_recipe() const { return q_.form == MemoryQuestion::Form::kRecipe; }
  int64_t bytes_with(const StageRecipe& stage, const MeshShape& mesh, const MemoryOptions& options) const {
    return stage_memory(q_.config, stage, mesh, options).parts.total();
  }
  // Less than a twentieth saved is not worth a line.
  void offer(const std::string& text, int64_t bytes) {
    if (bytes < now_ - now_ / 20) changes_.push_back({text, bytes});
  }
  void offer(const std::string& text, const MemoryOptions& options) {
    offer(text, bytes_with(q_.stage, q_.mesh, options));
  }

  void offload() {
    MemoryOptions options = q_.options;
    options.offload = true;
    const MemoryParts parts = stage_memory(q_.config, q_.stage, q_.mesh, options).parts;
    offer(fmt::format("engine.activations: host ({} of host memory a rank)", bytes_text(parts.host)),
          parts.total());
  }
  void narrower_type() {
    if (q_.options.dtype == DType::kBF16) return;
    MemoryOptions options = q_.options;
    options.dtype = q_.options.dtype == DType::kF64 ? DType::kF32 : DType::kBF16;
    offer(fmt::format("{} {}", in_recipe() ? "dtype:" : "--dtype",
                      options.dtype == DType::kBF16 ? "bf16" : "fp32"),
          options);
  }
  void narrower_moments() {
    MemoryOptions options = q_.options;
    if (options.narrow_moments || options.dtype == DType::kF64) return;
    if (q_.stage.train.beta2 > kLargestBeta2OfNarrowMoments) return;
    options.narrow_moments = true;
    const int64_t bytes = bytes_with(q_.stage, q_.mesh, options);
    offer(fmt::format("moments: bf16 in stage {} (saves {})", q_.stage.name, bytes_text(now_ - bytes)),
          bytes);
  }
  void keep_less() {
    if (q_.options.keep_bytes == 0) return;
    MemoryOptions options = q_.options;
    options.keep_bytes = 0;
    offer("engine.keep_bytes: 0 (about a quarter more work)", options);
  }
  void smaller_tiles() {
    MemoryOptions options = q_.options;
    options.tile_tokens = std::min<int64_t>(options.tile_tokens, 512);
    options.loss_tile_tokens = std::min<int64_t>(options.loss_tile_tokens, 256);
    offer(fmt::format("engine.tile_tokens: {}, engine.loss_tile_tokens: {}", options.tile_tokens,
                      options.loss_tile_tokens),
          options);
  }
  void repeat_attention() {
    if (!q_.options.save_attention) return;
    MemoryOptions options = q_.options;
    options.save_attention = false;
    offer("engine.save_attention: false (attention runs twice forward)", options);
  }
  void fewer_together() {
    if (q_.mesh.data == 1) return;
    const MeshShape mesh{1, q_.mesh.data * q_.mesh.sequence};
    const std::string change = in_recipe() ? fmt::format("mesh.data: 1, mesh.sequence: {}", mesh.sequence)
                                           : fmt::format("--lengths of multiples of {}", 2 * mesh.sequence);
    offer(change + " (all ranks share each sequence)", bytes_with(q_.stage, mesh, q_.options));
  }

  // The fewest ranks that make it fit, in doublings; at least twice as many, and none with a handful of
  // tokens.
  void more_ranks() {
    constexpr int64_t kFewestTokens = 1024;
    const int64_t length = stage_memory(q_.config, q_.stage, q_.mesh, q_.options).pass.length;
    MeshShape mesh = q_.mesh;
    if (length / (2 * mesh.sequence) < kFewestTokens) return;
    if (!in_recipe() && mesh.data > 1) return;  // they would take windows of their own
    int64_t bytes = 0;
    do {
      mesh.sequence *= 2;
      bytes = bytes_with(q_.stage, mesh, q_.options);
    } while (bytes > q_.limit && length / (2 * mesh.sequence) >= kFewestTokens);
    offer(in_recipe() ? fmt::format("{} sequence ranks (mesh.sequence: {})", mesh.sequence, mesh.sequence)
                      : fmt::format("{} ranks (mpirun -n {})", mesh.sequence, mesh.sequence),
          bytes);
  }

  // The longest length that fits, in halvings.
  void shorter() {
    StageRecipe stage = q_.stage;
    int64_t longest = 0, bytes = now_;
    const auto halve = [&longest](int64_t& length) {
      length /= 2;
      longest = std::max(longest, length);
    };
    for (int halvings = 0; halvings < 20 && (halvings == 0 || bytes > q_.limit); ++halvings) {
      longest = 0;
      halve(stage.train.length);
      halve(stage.search.length);
      for (int64_t& length : stage.evaluate.lengths) halve(length);
      const int64_t smallest =
          stage.evaluate.lengths.empty()
              ? longest
              : *std::min_element(stage.evaluate.lengths.begin(), stage.evaluate.lengths.end());
      if (smallest < 2 * q_.mesh.sequence) return;
      bytes = bytes_with(stage, q_.mesh, q_.options);
    }
    offer(fmt::format("{} {}", in_recipe() ? "length:" : "--lengths", format_length(longest)), bytes);
  }

  void host() {
    if (!q_.options.cuda) return;
    MemoryOptions options = q_.options;
    options.cuda = false;
    const int64_t bytes = bytes_with(q_.stage, q_.mesh, options);
    offer(fmt::format("--device cpu ({} of host memory a rank, and much more time)", bytes_text(bytes)),
          int64_t{0});
  }

  const MemoryQuestion& q_;
  const int64_t now_;
  std::vector<Change> changes_;
};

}  // namespace

std::vector<std::string> suggestions(const MemoryQuestion& question) {
  std::vector<Change> changes = Changes(question).all();
  std::stable_partition(changes.begin(), changes.end(),
                        [&](const Change& change) { return change.bytes <= question.limit; });
  constexpr size_t kShown = 3;
  std::vector<std::string> lines;
  for (size_t i = 0; i < std::min(kShown, changes.size()); ++i) {
    if (changes[i].bytes == 0) {
      lines.push_back(changes[i].text);
      continue;
    }
    lines.push_back(fmt::format("{}: {} a rank{}", changes[i].text, bytes_text(changes[i].bytes),
                                changes[i].bytes > question.limit ? ", still too much alone" : ""));
  }
  return lines;
}

std::string out_of_memory_text(const std::string& who, const std::string& cause, MemoryQuestion question) {
  const MemoryParts parts =
      stage_memory(question.config, question.stage, question.mesh, question.options).parts;
  // Three quarters of what was asked for is a goal worth a change.
  question.limit = parts.total() / 4 * 3;
  std::string text = fmt::format("{}: out of memory ({}); it needs about {} a rank: {}", who, cause,
                                 bytes_text(parts.total()), parts_text(parts));
  for (const std::string& line : suggestions(question)) text += "\n  to need less: " + line;
  return text;
}

std::string parts_text(const MemoryParts& parts) {
  auto list = parts.parts();
  std::stable_sort(list.begin(), list.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  for (const auto& [name, bytes] : list) {
    if (bytes * 100 < parts.total()) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, bytes_text(bytes));
  }
  return text;
}

}  // namespace ropeway
