// What `ropeway evaluate` does, behind its command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/base/dtype.h"
#include "trainer/config/data_choices.h"
#include "trainer/config/recipe.h"
#include "trainer/evaluate/evaluation.h"

namespace ropeway {

class MpiSession;

struct EvaluationRequest {
  std::string model;             // model folder, run folder or checkpoint
  std::string text, tokens;      // exactly one: pattern of text files, or .npy of ids
  std::vector<int64_t> lengths;  // empty: the original window
  bool perplexity = true, passkey = false, needles = false, longppl = false;
  std::vector<std::string> factors = {"auto"};
  std::string cache;
  std::vector<EvaluationCell> cells;  // these, where there are any, and not `factors` at `lengths`
  DeviceKind device = DeviceKind::kCpu;
  DType dtype = DType::kF32;
  bool read_special_tokens = false;  // their spelling in the text
  SlidingWindowPolicy sliding_window = SlidingWindowPolicy::kRefuse;
  int64_t windows = 0, target_tokens = 0;  // 0: all that fit
  WindowAlignment align = WindowAlignment::kAuto;
  int64_t stride = 0;  // 0: no sliding windows
  Haystack haystack = Haystack::kText;
  int64_t passkey_depths = 10, passkey_samples = 2, needle_passes = 10, control_windows = 8;
  std::vector<ControlKind> controls;
  std::string json, save_nll;  // empty: not written
  BenchmarkRecipe benchmarks;
  std::string save_choices;  // empty: not written
  // At the start of each window. kAuto: where the tokenizer puts one, and none before ready-made ids.
  MarkChoice bos = MarkChoice::kAuto;
  ChatFormatName chat_template = ChatFormatName::kAuto;  // of conversations in the text
};

// Collective. The figures of every cell, on every rank; nothing is written.
std::vector<EvaluatedCell> figures_of(const EvaluationRequest& request, MpiSession& job);

// Collective. The table of results, on every rank; rank 0 writes the files. Throws before any work when an
// output cannot be written or an input does not fit.
std::string evaluate_model(const EvaluationRequest& request, MpiSession& job);

}  // namespace ropeway
