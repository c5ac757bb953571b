// rope_factors.json: every factor set of a model, with its history. One JSON object:
//   {"format": "ropeway-factors", "version": 4, "weights": "tune@3f9a...", "sets": [...]}
// `weights` is the name of the weights the file lies with, and each set has the name of those it is for; both
// may be missing (nobody gave the weights a name; the set is for those it lies with). Version 1 had no
// names and no "above", version 2 no infinite factors, version 3 no "short_share"; all are read. An infinite
// factor is null, which JSON has for it. Doubles are written so that reading gives the same bits.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "trainer/rope/factor_set.h"

namespace ropeway {

struct FactorFile {
  std::vector<FactorSet> sets;
  std::string weights;  // empty: no name
};
FactorFile read_factor_file(const std::filesystem::path& path);
std::string factor_sets_to_json(const std::vector<FactorSet>& sets, const std::string& weights = "");
FactorFile factor_sets_from_json(const std::string& json, const std::string& where);
void write_factor_file(const std::filesystem::path& path, const std::vector<FactorSet>& sets,
                       const std::string& weights = "");

}  // namespace ropeway
