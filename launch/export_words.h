// What a person is told of an export once it is there: which of its factor sets the programs that read it take,
// when, and what to pass to them.
#pragma once

#include <string>
#include <vector>

#include "trainer/family/model_config.h"
#include "trainer/formats/hf/export_factors.h"

namespace ropeway {

enum class ExportFormat { kHf, kGguf };

// "OUT: window 64K, factors 'tuned', up to 8K 'none'\n"
std::string line_of(const std::string& out, const ExportFactors& factors, const ModelConfig& config);

// Sentences on which list is taken when; none where there is one set for every length or none at all.
std::vector<std::string> use_words(ExportFormat format, const ExportFactors& factors,
                                   const ModelConfig& config);

// Why transformers 4 refuses the config.json and what can be done; "" where it does not.
std::string transformers4_warning(const ModelConfig& config, const ExportFactors& factors);

}  // namespace ropeway
