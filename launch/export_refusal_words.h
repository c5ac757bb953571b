// What is wrong with a choice of factor sets for an export, in the options of `ropeway export`.
#pragma once

#include <string>

#include "trainer/formats/hf/export_factors.h"

namespace ropeway {

// "--factors tunde: no such factor set; ...", "...: nearest is 'tuned' (64K): --factors tuned"
std::string words_for(const ExportRefusal& refusal);

}  // namespace ropeway
