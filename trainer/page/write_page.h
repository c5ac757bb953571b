// The page and the pictures of a run as files.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "trainer/page/run_data.h"

namespace ropeway::page {

using Tell = std::function<void(const std::string&)>;

// The page of one run, or of several that are compared, as it stands now; `left_out` is told of each part that
// could not be read, which the page says as well. script: as run_page takes it. Throws what read_run_data throws.
std::string page_of(const std::vector<std::filesystem::path>& run_folders, const Tell& left_out,
                    const std::string& script = "");

// Warns of each text once, for whoever makes the page of a run again and again.
Tell warn_once();

// folder/NAME.svg of every picture, each whole by itself; returns how many. Throws what write_file_atomically
// throws.
size_t write_pictures(const std::vector<std::filesystem::path>& run_folders,
                      const std::filesystem::path& folder);

}  // namespace ropeway::page
