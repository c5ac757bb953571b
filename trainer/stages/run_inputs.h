// What a run reads: model, tokenizer and texts, opened before anything is written. A recipe whose inputs do
// not fit must not leave a run directory behind that holds the recipe with the mistake in it.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "parallel/comm/communicator.h"
#include "trainer/config/recipe.h"
#include "trainer/data/chat_template.h"
#include "trainer/data/document_marks.h"
#include "trainer/data/documents.h"
#include "trainer/data/search_sequences.h"
#include "trainer/data/windows.h"
#include "trainer/family/model_config.h"
#include "trainer/rope/factor_set.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {

struct RunInputs {
  ModelConfig config;
  std::vector<FactorSet> sets;       // that the model came with, each with the weights it is for
  std::string weights;               // their name; empty before pretraining
  std::filesystem::path base_model;  // empty: the recipe starts with pretrain
  std::vector<std::filesystem::path> weight_files;  // of the base model
  std::unique_ptr<Tokenizer> tokenizer;
  NamedTokens named;                           // by the model's files
  DocumentMarks marks;                         // of training text
  ChatTemplate chat;                           // of conversations in it
  std::map<std::string, Documents> documents;  // "train", "validation", "test", as far as stages need them
};

// What a search scores. Examples must reach beyond the original window where the search does.
SearchSequencesWanted sequences_of(const SearchRecipe& search, int64_t original_window);
// Throws kBadData unless there is as much validation data as the search scores and, for gradient steps, training
// data of that kind (null: it is not read).
void require_search_texts(const DataRecipe& data, const SearchSequencesWanted& wanted,
                          const Documents& validation, const Documents* train, const DocumentMarks& marks);
// Of the sources of training text.
std::vector<double> weights_of(const DataRecipe& data);
// Throws kBadData unless the test text has something to score at each length of an evaluate stage, and whole
// texts for tasks that are made of them. marks: around what is scored.
void require_evaluation_texts(const EvaluateRecipe& evaluate, const Documents& test,
                              const DocumentMarks& marks);
// How a training stage cuts its text; short windows are of documents within the original window.
WindowOptions window_options(const Recipe& recipe, const StageRecipe& stage, const DocumentMarks& marks,
                             int64_t original_window);
// What an evaluate stage puts in front of each window. Throws kConfig for a BOS that the tokenizer lacks.
std::vector<int32_t> window_start(const Recipe& recipe, const StageRecipe& stage, const Tokenizer& tokenizer,
                                  const NamedTokens& named);

// Model and tokenizer, without the texts. Reads no weights. Throws kMissingInput and kBadData naming the
// file; kConfig when the recipe does not fit the model.
RunInputs open_run_model(const Recipe& recipe);
// Collective. Rank 0 goes first: a model that is refused costs its memory once per job, not once per rank.
RunInputs open_run_model(const Recipe& recipe, Communicator& world);
// Collective. Adds the texts of stages that are still to be run. Throws as the next function.
void open_run_texts(const Recipe& recipe, Communicator& world, const std::vector<const StageRecipe*>& stages,
                    RunInputs& inputs);
// Both. Collective. stages: those still to be run. Throws kMissingInput and kBadData naming the file; kConfig
// when the recipe does not fit the model; kBadData when a text is too short for one of the stages, naming it.
RunInputs open_run_inputs(const Recipe& recipe, Communicator& world,
                          const std::vector<const StageRecipe*>& stages);

}  // namespace ropeway
