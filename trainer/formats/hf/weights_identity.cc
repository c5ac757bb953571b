#include "trainer/formats/hf/weights_identity.h"

#include <fmt/format.h>

#include <set>

#include "trainer/files/files.h"

namespace ropeway {

namespace fs = std::filesystem;

std::string weights_identity(const fs::path& model_dir) {
  std::set<std::string> files;
  for (const auto& entry : fs::directory_iterator(model_dir)) {
    if (entry.path().extension() != ".safetensors") continue;
    files.insert(fmt::format("{} {} {}", entry.path().filename().string(), entry.file_size(),
                             entry.last_write_time().time_since_epoch().count()));
  }
  // A checkpoint of an earlier version has none: its run does.
  const fs::path config = model_dir / "config.json";
  return sha256_of(
      fmt::format("{}\n{}", fs::exists(config) ? read_text_file(config) : "", fmt::join(files, "\n")));
}

}  // namespace ropeway
