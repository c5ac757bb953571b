// rope_factors.json: every factor set of a model, with its history. One JSON object:
//   {"format": "ropeway-factors", "version": 1, "sets": [...]}
// Doubles are written so that reading gives the same bits.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "trainer/rope/factor_set.h"

namespace ropeway {

std::vector<FactorSet> read_factor_file(const std::filesystem::path& path);
std::string factor_sets_to_json(const std::vector<FactorSet>& sets);
std::vector<FactorSet> factor_sets_from_json(const std::string& json, const std::string& where);
void write_factor_file(const std::filesystem::path& path, const std::vector<FactorSet>& sets);

}  // namespace ropeway
