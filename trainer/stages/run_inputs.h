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
#include "trainer/data/documents.h"
#include "trainer/family/model_config.h"
#include "trainer/rope/factor_set.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {

struct RunInputs {
  ModelConfig config;
  std::vector<FactorSet> sets;       // that the model came with, each with the weights it is for
  std::string weights;               // their name; empty before pretraining
  std::filesystem::path base_model;  // empty: the recipe starts with pretrain
  std::unique_ptr<Tokenizer> tokenizer;
  std::map<std::string, Documents> documents;  // "train", "validation", "test", as far as stages need them
};

// Collective. stages: those still to be run. Throws kMissingInput and kBadData naming the file; kConfig when
// the recipe does not fit the model; kBadData when a text is too short for one of the stages, naming it.
RunInputs open_run_inputs(const Recipe& recipe, Communicator& world,
                          const std::vector<const StageRecipe*>& stages);

}  // namespace ropeway
