// The objective on a real model: documents of validation text for ranking and finalists, documents of
// training text for gradients.
#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "trainer/config/data_choices.h"
#include "trainer/data/document_marks.h"
#include "trainer/search/objective.h"

namespace ropeway {

class CausalLM;
class Documents;
class Tokenizer;
struct Mesh;

struct ModelObjectiveOptions {
  int64_t length = 0, documents = 5, finalist_documents = 2;
  uint64_t seed = 0;
  double tail_weight = 0;  // of the tail's mean loss in what gradients are of; the rest is the whole's
  at::ScalarType dtype = at::kFloat;  // of the model
  DocumentMarks marks = {};           // windows start with those before a text
  // How the windows of gradients are cut from the training text, as those of training are: kConcat: from all
  // documents joined, each between its marks, as often as the weight of the pattern it was loaded by says;
  // kDocuments: each a stretch of one document.
  Packing packing = Packing::kDocuments;
  std::vector<double> weights = {};  // of the patterns; empty: all 1
};
// Keeps references. The documents that rank candidates and those of the finalists do not overlap. Its
// evaluations are collective over the sequence axis of the mesh. Throws kBadData when the validation text is
// too short, with the sums, and what GradientWindows throws.
std::unique_ptr<Objective> make_model_objective(CausalLM& model, const Mesh& mesh,
                                                const Documents& validation, const Documents& train,
                                                const Tokenizer& tokenizer,
                                                const ModelObjectiveOptions& options);

}  // namespace ropeway
