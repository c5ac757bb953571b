// What `ropeway inspect` prints of a GGUF file.
#pragma once

#include <filesystem>
#include <string>

namespace ropeway {

// Shape, factor sets, metadata and tensors. Of a model that this program does not import the reason stands in
// place of the shape. Throws what GgufFile::open() does.
std::string describe_gguf(const std::filesystem::path& path, bool lists_tensors);

}  // namespace ropeway
