// Texts that the model of a run wrote, for the page: every .txt in the run's folder samples/, by name.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace ropeway::page {

struct SampleText {
  std::string name;  // of the file, without .txt
  std::string text;  // at most kLongestSample bytes of it
};

constexpr size_t kLongestSample = 8192;

// Sorted by name; none where there is no such folder.
std::vector<SampleText> read_samples(const std::filesystem::path& folder);

}  // namespace ropeway::page
