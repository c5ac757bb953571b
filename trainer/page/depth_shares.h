// How many passkeys were found at each depth of a text, from the figures that an evaluate stage keeps
// (trainer/evaluate/kept_figures.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ropeway::page {

struct DepthShares {
  std::string stage = "", factors = "";
  int64_t length = 0;
  int64_t samples = 0;              // at each depth
  std::vector<double> depths = {};  // 0: at the beginning of the text; 1: at its end
  std::vector<double> shares = {};  // of the samples, found
};

// Adds to `shares`. Throws kMissingInput, kBadData.
void read_depth_shares(const std::filesystem::path& file, const std::string& stage,
                       std::vector<DepthShares>& shares);

}  // namespace ropeway::page
