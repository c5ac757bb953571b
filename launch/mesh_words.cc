#include "launch/mesh_words.h"

#include <fmt/format.h>

namespace ropeway {

std::string mesh_text(const MeshShape& mesh) {
  if (mesh.heads == 1) return fmt::format("data {} x sequence {}", mesh.data, mesh.sequence);
  return fmt::format("data {} x ring {} x heads {}", mesh.data, mesh.ring(), mesh.heads);
}

std::vector<std::string> mesh_settings(const MeshShape& mesh, int ranks_per_host) {
  std::vector<std::string> settings = {fmt::format("mesh.data={}", mesh.data),
                                       fmt::format("mesh.sequence={}", mesh.sequence)};
  if (mesh.heads > 1 || mesh.sequence > ranks_per_host) {
    settings.push_back(fmt::format("mesh.heads={}", mesh.heads));
  }
  return settings;
}

}  // namespace ropeway
