// What the computed factor sets are called where one is asked for by name.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ropeway {

// cope and hard_clip change nothing within the original window; dynamic_ntk is NTK at scale s^2 - s + 1, to
// which transformers' "dynamic" type of factor s has grown at the target; drope stops every pair (clipped.h).
enum class ComputedSet { kOriginal, kPi, kNtk, kDynamicNtk, kYarn, kCope, kHardClip, kDrope };

std::optional<ComputedSet> computed_set_called(const std::string& name);
const std::vector<std::string>& computed_names();  // "none", "pi", "ntk", ...

}  // namespace ropeway
