#include "launch/evaluation_inputs.h"

#include "kernels/base/error.h"
#include "trainer/data/marked_documents.h"
#include "trainer/evaluate/text_needs.h"
#include "trainer/family/sliding_window.h"
#include "trainer/stages/recipe_model.h"
#include "trainer/tokenizer/reading_special_tokens.h"

namespace ropeway {
namespace {

EvaluateRecipe with_lengths(const EvaluationRequest& request, const ModelConfig& config) {
  EvaluateRecipe evaluate = request.evaluate;
  for (const EvaluationCell& cell : request.cells) evaluate.lengths.push_back(cell.length);
  if (evaluate.lengths.empty()) evaluate.lengths.push_back(config.original_window);
  return evaluate;
}

OpenedModel open_for(const EvaluationRequest& request, Communicator& world) {
  OpenedModel opened = open_verified(request.model, world);
  apply_sliding_window(request.sliding_window, opened.dir.config);
  for (const int64_t length : with_lengths(request, opened.dir.config).lengths) {
    require_within_sliding_window(opened.dir.config, length, request.model);
  }
  return opened;
}

}  // namespace

bool reads_long_inputs(const EvaluateRecipe& evaluate) {
  return !evaluate.tasks.empty() || !evaluate.controls.empty() || !evaluate.benchmarks.ruler.empty();
}

EvaluationTexts::EvaluationTexts(const EvaluationRequest& request, Communicator& world)
    : request_(request),
      source_(open_for(request, world)),
      evaluate_(with_lengths(request, config())),
      documents_(load(world)) {
  marks_.before = window_start();
  if (!documents_) return;
  require_whole_texts(*documents_, text_tasks(evaluate_));
  if (holds_examples(*documents_)) marks_.after = document_marks(*tokenizer_, named(), {}).after;
  if (!reads_windows(text_tasks(evaluate_))) return;
  const MarkedDocuments framed(*documents_, marks_);
  for (const int64_t length : evaluate_.lengths) require_scored(framed, length, "evaluate");
}

std::optional<Documents> EvaluationTexts::load(Communicator& world) {
  const bool needs_tokenizer = needs_whole_texts(text_tasks(evaluate_)) || !request_.text.empty() ||
                               evaluate_.bos == MarkChoice::kTrue || evaluate_.benchmarks.any();
  if (needs_tokenizer) tokenizer_ = tokenizer_of(source_);
  if (tokenizer_ != nullptr && request_.read_special_tokens) {
    tokenizer_ = reading_special_tokens(std::move(tokenizer_));
  }
  if (request_.text.empty() && request_.tokens.empty()) return std::nullopt;
  if (!request_.tokens.empty()) return load_token_file(request_.tokens, config().vocab_size);
  return load_documents(world, {request_.text}, *tokenizer_, request_.cache,
                        {.vocab_size = config().vocab_size}, chat());
}

NamedTokens EvaluationTexts::named() const {
  return named_tokens(source_.tokenizer_folder, *tokenizer_, {config().bos_token_id, config().eos_token_id});
}

ChatTemplate EvaluationTexts::chat() const {
  return chat_template_of(source_.tokenizer_folder, request_.chat_template, *tokenizer_, named());
}

// Ready-made ids are scored as they are.
std::vector<int32_t> EvaluationTexts::window_start() const {
  const bool as_it_is = evaluate_.bos == MarkChoice::kAuto && !request_.tokens.empty();
  if (as_it_is || evaluate_.bos == MarkChoice::kFalse) return {};
  return ropeway::window_start(*tokenizer_, named(), evaluate_.bos);
}

}  // namespace ropeway
