// What `ropeway evaluate` reads: the model's folder, its tokenizer and the text, opened and checked before any
// work.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "launch/evaluation.h"
#include "trainer/data/chat_template.h"
#include "trainer/data/document_marks.h"
#include "trainer/data/documents.h"
#include "trainer/stages/open_model.h"

namespace ropeway {

class Communicator;

class EvaluationTexts {
 public:
  // Collective. Throws kMissingInput and kBadData naming the file, kConfig for what does not fit the model.
  EvaluationTexts(const EvaluationRequest& request, Communicator& world);

  const OpenedModel& source() const { return source_; }
  const ModelConfig& config() const { return source_.dir.config; }
  // request.evaluate with the lengths that are meant: those of the cells, or the original window, where it
  // names none.
  const EvaluateRecipe& evaluate() const { return evaluate_; }
  const Tokenizer* tokenizer() const { return tokenizer_.get(); }  // null: not needed
  const Documents* documents() const {
    return documents_ ? &*documents_ : nullptr;
  }                                                      // null: no text is scored
  NamedTokens named() const;                             // of the tokenizer, which there must be
  ChatTemplate chat() const;                             // likewise
  const DocumentMarks& marks() const { return marks_; }  // of each window, and behind a prompt's completion

 private:
  std::optional<Documents> load(Communicator& world);
  std::vector<int32_t> window_start() const;

  const EvaluationRequest& request_;
  const OpenedModel source_;
  const EvaluateRecipe evaluate_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::optional<Documents> documents_;
  DocumentMarks marks_;
};

// Windows of text, or prompts as long: not only the questions of requests.
bool reads_long_inputs(const EvaluateRecipe& evaluate);

}  // namespace ropeway
