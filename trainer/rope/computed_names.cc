#include "trainer/rope/computed_names.h"

#include <string_view>
#include <utility>

#include "trainer/rope/factor_set.h"

namespace ropeway {
namespace {

using enum ComputedSet;
constexpr std::pair<std::string_view, ComputedSet> kNames[] = {{kOriginalRope, kOriginal},
                                                               {"pi", kPi},
                                                               {"ntk", kNtk},
                                                               {"dynamic_ntk", kDynamicNtk},
                                                               {"yarn", kYarn},
                                                               {"llama3_ramp", kLlama3Ramp},
                                                               {"mrrope_uni", kMrRopeUni},
                                                               {"mrrope_pro", kMrRopePro},
                                                               {"cope", kCope},
                                                               {"hard_clip", kHardClip},
                                                               {"drope", kDrope}};

}  // namespace

std::optional<ComputedSet> computed_set_called(const std::string& name) {
  for (const auto& [known, set] : kNames) {
    if (name == known) return set;
  }
  return std::nullopt;
}

const std::vector<std::string>& computed_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const auto& [name, set] : kNames) list.emplace_back(name);
    return list;
  }();
  return names;
}

}  // namespace ropeway
