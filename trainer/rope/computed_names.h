// What the computed factor sets are called where one is asked for by name.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ropeway {

// cope and hard_clip change nothing within the original window; dynamic_ntk is NTK at scale s^2 - s + 1,
// to which transformers' "dynamic" type of factor s has grown at the target; llama3_ramp is the ramp of
// Llama 3.1 (llama3.h) at the scale at hand, between 4 turns and one; drope stops every pair (clipped.h).
enum class ComputedSet {
  kOriginal,
  kPi,
  kNtk,
  kDynamicNtk,
  kYarn,
  kLlama3Ramp,
  kMrRopeUni,
  kMrRopePro,
  kCope,
  kHardClip,
  kDrope
};

std::optional<ComputedSet> computed_set_called(const std::string& name);
const std::vector<std::string>& computed_names();  // "none", "pi", "ntk", ...

}  // namespace ropeway
