#include "launch/memory_words.h"

#include <fmt/format.h>

#include <algorithm>

#include "trainer/config/lengths.h"
#include "trainer/plan/plan_memory.h"

namespace ropeway {
namespace {

const char* dtype_word(DType dtype) { return dtype == DType::kBF16 ? "bf16" : "fp32"; }

std::string longest(const EnginePlan& plan) {
  return format_length(*std::max_element(plan.work.lengths.begin(), plan.work.lengths.end()));
}

std::string recipe_key(const Suggestion& change, const std::string& who) {
  const EnginePlan& plan = change.plan;
  switch (change.knob) {
    case Knob::kOffload:
      return fmt::format("engine.activations: host ({} of host memory per rank)",
                         bytes_text(change.parts.host));
    case Knob::kDtype:
      return fmt::format("dtype: {}", dtype_word(plan.dtype));
    case Knob::kMoments:
      return fmt::format("moments: bf16 in {} (saves {})", who, bytes_text(change.saved));
    case Knob::kZero:
      return fmt::format("engine.zero: 3 (ranks share out {})", shared_out(plan));
    case Knob::kSequenceRanks:
      return fmt::format("{} sequence ranks (mesh.sequence: {})", plan.mesh.sequence, plan.mesh.sequence);
    case Knob::kKeepBytes:
      return "engine.keep_bytes: 0 (about a quarter more work)";
    case Knob::kTiles:
      return fmt::format("engine.tile_tokens: {}, engine.loss_tile_tokens: {}", plan.tile_tokens,
                         plan.loss_tile_tokens);
    case Knob::kSaveAttention:
      return "engine.save_attention: false (attention runs twice forward)";
    case Knob::kSharedSequences:
      return fmt::format("mesh.data: 1, mesh.sequence: {} (all ranks share each sequence)",
                         plan.mesh.sequence);
    case Knob::kLength:
      return "length: " + longest(plan);
    case Knob::kHostMemory:
      return "device: cpu";
  }
  fail(ErrorKind::kInternal, "a change without words");
}

std::string evaluate_option(const Suggestion& change) {
  const EnginePlan& plan = change.plan;
  switch (change.knob) {
    case Knob::kDtype:
      return fmt::format("--dtype {}", dtype_word(plan.dtype));
    case Knob::kSequenceRanks:
      return fmt::format("{} ranks (mpirun -n {})", plan.mesh.sequence, plan.mesh.sequence);
    case Knob::kSharedSequences:
      return fmt::format("--lengths of multiples of {} (all ranks share each sequence)",
                         2 * plan.mesh.sequence);
    case Knob::kLength:
      return "--lengths " + longest(plan);
    case Knob::kHostMemory:
      return fmt::format("--device cpu ({} of host memory per rank, and much more time)",
                         bytes_text(change.parts.total()));
    default:
      fail(ErrorKind::kInternal, "a change that evaluate has no option for");
  }
}

// What the change leads to; of what moves to the host that stands with the change.
std::string with_bytes(const std::string& change, const Suggestion& suggestion) {
  if (suggestion.knob == Knob::kHostMemory) return change;
  return fmt::format("{}: {} per rank{}", change, bytes_text(suggestion.parts.total()),
                     suggestion.enough ? "" : ", still too much alone");
}

}  // namespace

std::vector<std::string> as_recipe_keys(const std::vector<Suggestion>& suggestions, const std::string& who) {
  std::vector<std::string> lines;
  for (const Suggestion& change : suggestions) lines.push_back(with_bytes(recipe_key(change, who), change));
  return lines;
}

std::vector<std::string> as_evaluate_options(const std::vector<Suggestion>& suggestions) {
  std::vector<std::string> lines;
  for (const Suggestion& change : suggestions) lines.push_back(with_bytes(evaluate_option(change), change));
  return lines;
}

std::string lines_to_need_less(const OutOfMemory& error) {
  const bool evaluates =
      error.who() == kEvaluateVerb || error.who() == kGenerateVerb || error.who() == kChatVerb;
  std::string text;
  for (const std::string& line : evaluates ? as_evaluate_options(error.suggestions())
                                           : as_recipe_keys(error.suggestions(), error.who())) {
    text += "\n  to need less: " + line;
  }
  return text;
}

std::vector<Knob> generation_knobs() { return {Knob::kDtype, Knob::kSequenceRanks, Knob::kHostMemory}; }

std::vector<Knob> evaluate_knobs(const MeshShape& mesh) {
  std::vector<Knob> knobs = {Knob::kDtype, Knob::kSharedSequences, Knob::kLength, Knob::kHostMemory};
  if (mesh.data == 1) knobs.push_back(Knob::kSequenceRanks);
  return knobs;
}

}  // namespace ropeway
