// What the checkpoints of a stage are bound to: hashes of identities (stage_identity.h).
#pragma once

#include <string>
#include <vector>

namespace ropeway {

struct StageBinding {
  std::string own;
  std::vector<std::string> earlier = {};  // of checkpoints that it may go on from as well
};

}  // namespace ropeway
