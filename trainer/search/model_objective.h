// The objective on a real model: sequences of the validation data for ranking and finalists, of the training
// data for gradients (search_sequences.h). Of examples of instruction data only what they score counts; no
// passkey is hidden in them.
//
// fitness: needle puts the needles of tasks/needle_document.h into the sequences, and scores the answers
// alone: the mean over needles of the mean over the answer's tokens. fitness: mixed adds that, times
// kNeedleWeight, to the mean loss of the text around the needles, in the same pass.
#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "trainer/config/data_choices.h"
#include "trainer/config/search_recipe.h"
#include "trainer/data/document_marks.h"
#include "trainer/data/search_sequences.h"
#include "trainer/search/objective.h"

namespace ropeway {

class CausalLM;
class Documents;
class Tokenizer;
struct Mesh;

struct ModelObjectiveOptions {
  SearchSequencesWanted sequences = {.ranking = 5, .finalists = 2};
  uint64_t seed = 0;
  SearchFitness fitness = SearchFitness::kText;
  int64_t needles = 10;  // of a document, where needles are scored, at most
  NeedleDepth needle_depth = NeedleDepth::kSpread;
  double tail_weight = 0;  // of the tail's mean loss in what gradients are of; the rest is the whole's
  at::ScalarType dtype = at::kFloat;  // of the model
  DocumentMarks marks = {};           // around a document; windows of text start with those before it
  // How the windows of gradients are cut from the training text, as those of training are: kConcat: from all
  // documents joined, each between its marks, as often as the weight of the pattern it was loaded by says;
  // kDocuments: each a stretch of one document.
  Packing packing = Packing::kDocuments;
  std::vector<double> weights = {};  // of the patterns; empty: all 1
};
// Keeps references. The documents that rank candidates and those of the finalists do not overlap; gradients
// are of training data of the kind that the validation data are. Its evaluations are collective over the
// sequence axis of the mesh. Throws what search_sequences and GradientWindows throw; where needles
// are scored also kBadData for examples, and what make_needle_document throws.
std::unique_ptr<Objective> make_model_objective(CausalLM& model, const Mesh& mesh,
                                                const Documents& validation, const Documents& train,
                                                const Tokenizer& tokenizer,
                                                const ModelObjectiveOptions& options);

}  // namespace ropeway
