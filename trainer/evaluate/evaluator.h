// The evaluation of a model over a list of cells, for the stage of a recipe and for the command line alike.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "trainer/evaluate/evaluation.h"
#include "trainer/evaluate/kept_figures.h"
#include "trainer/score/cell_walk.h"

namespace ropeway {

struct EvaluationInputs {
  CausalLM& model;
  const Mesh& mesh;
  const Documents& documents;
  const Tokenizer* tokenizer;  // null: not needed without passkeys
};

struct EvaluationControl {
  WalkControl walk = {};
  // Told of each cell when its figures are there, in order.
  std::function<void(const EvaluatedCell&)> finished = {};
  KeptFigures* kept = nullptr;  // finished cells are taken from here and added to it; null: nothing is kept
};

// Collective over the mesh. All cells in order, with the same figures on every rank; rank 0 shows progress.
// Throws kStopped when a stop was requested, and what evaluate_perplexity and evaluate_passkey throw.
std::vector<EvaluatedCell> evaluate_cells(const EvaluationInputs& inputs,
                                          const std::vector<EvaluationCell>& cells,
                                          const EvaluationTasks& tasks, const EvaluationControl& control);

}  // namespace ropeway
