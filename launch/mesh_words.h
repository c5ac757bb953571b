// A mesh in words.
#pragma once

#include <string>
#include <vector>

#include "parallel/comm/mesh.h"

namespace ropeway {

// "data 2 x sequence 4"; with heads "data 2 x ring 2 x heads 2".
std::string mesh_text(const MeshShape& mesh);
// "mesh.data=2", "mesh.sequence=4" and, where a recipe would not choose it by itself, "mesh.heads=2".
std::vector<std::string> mesh_settings(const MeshShape& mesh, int ranks_per_host);

}  // namespace ropeway
