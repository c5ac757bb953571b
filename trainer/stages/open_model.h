// What a user may point at where a model is wanted: a model directory, a run directory (its model/), or one
// training checkpoint (step-N), which carries its own config.json, factor sets and tokenizer.
#pragma once

#include <filesystem>
#include <memory>

#include "trainer/config/recipe.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {

class Communicator;

struct OpenedModel {
  ModelDir dir;
  std::filesystem::path tokenizer_folder;  // empty: the byte-level tokenizer of a freshly made model
};
// Throws kMissingInput / kBadData naming the path and what was looked for.
OpenedModel open_model_or_checkpoint(const std::filesystem::path& path);
// The same once rank 0 has compared a checkpoint's files with their hashes. Collective; throws on all ranks.
OpenedModel open_verified(const std::filesystem::path& path, Communicator& world);
std::unique_ptr<Tokenizer> tokenizer_of(const OpenedModel& model);

}  // namespace ropeway
