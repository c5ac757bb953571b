// Benchmarks beside perplexity and passkeys: cells of one task under one factor set at one length, whose
// figures are named numbers. What a task is, its own file says (choice_eval.h, ruler_eval.h, longppl_eval.h);
// here they are done in order, kept, and told of.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "parallel/comm/mesh.h"
#include "trainer/rope/factor_set.h"
#include "trainer/score/cell_walk.h"
#include "trainer/score/kept_entries.h"

namespace ropeway {

// "accuracy" -> 0.61, in the order they are shown; finite.
using NamedNumbers = std::vector<std::pair<std::string, double>>;

enum class BenchmarkKind { kChoices, kRuler, kLongPpl };

struct BenchmarkLabel {
  BenchmarkKind kind = BenchmarkKind::kChoices;
  std::string task;     // "arc_easy", "niah_single_1", "longppl"
  std::string factors;  // the name of their set
  int64_t length = 0;   // tokens
};
struct BenchmarkCell {
  BenchmarkLabel label;
  FactorSet factors;
  std::string of;  // JSON object: what the figures depend on besides label, factors and weights
  std::function<NamedNumbers(const CellTools& tools)> run;  // collective
};
struct BenchmarkFigures {
  BenchmarkLabel label;
  NamedNumbers numbers;
};

struct BenchmarkControl {
  WalkControl walk = {};                                       // its weights are those of what is kept, too
  std::function<void(const BenchmarkFigures&)> finished = {};  // told of each cell, in order
  KeptEntries* kept = nullptr;  // finished cells are taken from here and added to it; null: nothing is kept
};
// Collective over the mesh. All cells in order, with the same figures on every rank; rank 0 shows progress.
// Throws kStopped when a stop was requested.
std::vector<BenchmarkFigures> evaluate_benchmarks(CausalLM& model, const Mesh& mesh,
                                                  const std::vector<BenchmarkCell>& cells,
                                                  const BenchmarkControl& control);

// The number of that name; throws kInternal where there is none.
double number_of(const NamedNumbers& numbers, const std::string& name);

const char* word_of(BenchmarkKind kind);  // "choices", "ruler", "longppl"

}  // namespace ropeway
