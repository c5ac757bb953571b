// The content of what a recipe names, as hashes: the model, its texts, the questions of benchmarks.
#pragma once

#include "trainer/files/file_hashes.h"
#include "trainer/stages/wanted_stages.h"

namespace ropeway {

struct RunInputs;

// inputs: with model and tokenizer opened; null: they cannot be, and what they say is unknown. Large files
// are read once (file_hashes.h), with a line on how far that is. Throws kConfig for a pattern that is none.
RunContents read_run_contents(const Recipe& recipe, const RunInputs* inputs, FileHashes& hashes);

}  // namespace ropeway
