// The page and the pictures of a run as files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "trainer/page/run_data.h"

namespace ropeway::page {

// The page of one run, or of several that are compared, as it stands now. Throws what read_run_data throws.
std::string page_of(const std::vector<std::filesystem::path>& run_folders, const std::string& script = "");

// folder/NAME.svg of every picture, each whole by itself; returns how many. Throws what write_file_atomically
// throws.
size_t write_pictures(const std::vector<std::filesystem::path>& run_folders,
                      const std::filesystem::path& folder);

}  // namespace ropeway::page
