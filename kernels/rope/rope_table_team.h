// RoPE's tables as team kernels (base/team.h). An item is a pair of one token. On a GPU because a search
// needs new tables for every candidate: 2M positions of 64 pairs cost one core of the host seconds.
#pragma once

#include "kernels/base/element_pack.h"
#include "kernels/base/team.h"
#include "kernels/rope/rope_table.h"

namespace ropeway {

template <typename Real>
struct RopeTableFill {
  RopeTableInput input;
  Real *cos, *sin;
  ItemTiles tiles;

  template <typename Team>
  ROPEWAY_TEAM_BODY void operator()(Team& team) const {
    for_each_item(team, tiles, [&](int64_t token, int64_t pair) {
      input.cos_sin(token, pair, row_pointer(cos, token, input.pairs)[pair],
                    row_pointer(sin, token, input.pairs)[pair]);
    });
  }
};

struct RopeAnglesFill {
  RopeTableInput input;
  double* angles;
  bool* scaled;
  ItemTiles tiles;

  template <typename Team>
  ROPEWAY_TEAM_BODY void operator()(Team& team) const {
    for_each_item(team, tiles, [&](int64_t token, int64_t pair) {
      row_pointer(angles, token, input.pairs)[pair] = input.factor_angle(token, pair);
      if (pair == 0) scaled[token] = !input.starts(token);
    });
  }
};

template <typename Real, typename Launcher>
void launch_rope_table(const Launcher& launcher, const RopeTableInput& input, Real* cos, Real* sin) {
  launch_items(launcher, "rope_table",
               RopeTableFill<Real>{input, cos, sin, ItemTiles(input.tokens, input.pairs)});
}

template <typename Launcher>
void launch_rope_angles(const Launcher& launcher, const RopeTableInput& input, double* angles, bool* scaled) {
  launch_items(launcher, "rope_angles",
               RopeAnglesFill{input, angles, scaled, ItemTiles(input.tokens, input.pairs)});
}

}  // namespace ropeway
