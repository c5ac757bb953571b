// What `ropeway evaluate` does, behind its command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/base/dtype.h"
#include "trainer/benchmarks/benchmark.h"
#include "trainer/config/data_choices.h"
#include "trainer/config/recipe.h"
#include "trainer/evaluate/evaluation.h"

namespace ropeway {

class MpiSession;

struct EvaluationRequest {
  std::string model;         // model folder, run folder or checkpoint
  std::string text, tokens;  // one of the two, or none: pattern of text files, or .npy of ids
  EvaluateRecipe evaluate;   // what is measured. lengths empty: the original window
  uint64_t seed = 0;         // of passkeys, needles, controls and RULER's samples
  std::string cache;
  // Where finished cells and windows are kept until all is done, for the same command to go on from. Empty:
  // nowhere.
  std::string keep, command;
  std::vector<EvaluationCell> cells;  // these, where there are any, and not the recipe's factors and lengths
  DeviceKind device = DeviceKind::kCpu;
  DType dtype = DType::kF32;
  bool read_special_tokens = false;  // their spelling in the text
  SlidingWindowPolicy sliding_window = SlidingWindowPolicy::kRefuse;
  std::string json, save_nll, save_choices;              // empty: not written
  ChatFormatName chat_template = ChatFormatName::kAuto;  // of conversations in the text
};

// What was asked of which cells, and the figures.
struct Evaluated {
  std::vector<EvaluatedCell> cells;
  EvaluationTasks tasks;
  std::vector<BenchmarkFigures> benchmarks;
};

// Collective. The figures of every cell, on every rank; nothing is written.
std::vector<EvaluatedCell> figures_of(const EvaluationRequest& request, MpiSession& job);

// Collective. The table of results, on every rank; rank 0 writes the files. Throws before any work when an
// output cannot be written or an input does not fit.
std::string evaluate_model(const EvaluationRequest& request, MpiSession& job);

}  // namespace ropeway
