// A head that config.json ties to the embedding, and what the weights say of it. Inside this folder.
#pragma once

#include "trainer/formats/hf/model_dir.h"

namespace ropeway {

inline constexpr const char* kEmbeddingWeight = "model.embed_tokens.weight";
inline constexpr const char* kHeadWeight = "lm_head.weight";

// Where config.json ties them, makes the model what its weights are, as transformers 5 does:
//   the same values twice, or no head    tied
//   a head and no embedding              tied: the head serves as the embedding, under its name
//   different values                     not tied in model.config, with a warning: no weight is dropped
// A config.json that does not tie them is not changed.
void resolve_tied_head(ModelDir& model);

}  // namespace ropeway
