// Which weights a model directory holds, without reading them.
#pragma once

#include <filesystem>
#include <string>

namespace ropeway {

// SHA-256 over config.json and the name, size and time of the last change of each weight file: changes when
// the weights do, and stays when the directory is moved.
std::string weights_identity(const std::filesystem::path& model_dir);

}  // namespace ropeway
