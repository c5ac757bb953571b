// The evaluation of a model over a list of cells, for the stage of a recipe and for the command line alike.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "trainer/evaluate/evaluation.h"
#include "trainer/evaluate/kept_figures.h"

namespace ropeway {

struct EvaluationInputs {
  CausalLM& model;
  const Mesh& mesh;
  const Documents& documents;
  const Tokenizer* tokenizer;  // null: not needed without passkeys
};

struct EvaluationControl {
  std::string name = {};                      // of the stage or the command, for progress and errors
  std::function<bool()> stop_requested = {};  // asked after each cell; true on one rank stops all
  // Told of each cell when its figures are there, in order.
  std::function<void(const EvaluatedCell&)> finished = {};
  KeptFigures* kept = nullptr;  // finished cells are taken from here and added to it; null: nothing is kept
};

// Collective over the mesh. All cells in order, with the same figures on every rank; rank 0 shows progress.
// Throws kStopped when a stop was requested, and what evaluate_perplexity and evaluate_passkey throw.
std::vector<EvaluatedCell> evaluate_cells(const EvaluationInputs& inputs,
                                          const std::vector<EvaluationCell>& cells,
                                          const EvaluationTasks& tasks, const EvaluationControl& control);

// Windows of `length` tokens to score at most; 0: all that fit.
int64_t windows_at(int64_t length, const EvaluationTasks& tasks);

// Where the windows of a length lie.
PerplexityOptions perplexity_options(int64_t length, const EvaluationTasks& tasks);

// Two cells that scored the same targets, by their places in the list.
struct ComparedCells {
  size_t cell = 0, against = 0;
  PairedDifference difference;
};
// Every cell against the first of its length; and, where windows of all lengths end at the same places, the
// first of each length against the first of the shortest.
std::vector<ComparedCells> paired_differences(const std::vector<EvaluatedCell>& results,
                                              const EvaluationTasks& tasks);

// What there is to say of a cell whose length its factors are not for: "" or "no set reaches ...".
std::string length_warning(const EvaluationCell& cell);

}  // namespace ropeway
