// What `ropeway inspect` prints of one stage of a run.
#pragma once

#include <filesystem>
#include <string>

namespace ropeway {

bool is_stage_folder(const std::filesystem::path& path);  // RUN/stages/NAME
// How far it is, what it took, its checkpoints, its candidates, and the factor sets that it made.
std::string describe_stage(const std::filesystem::path& path);

}  // namespace ropeway
