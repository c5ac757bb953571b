#include "kernels/rope/rope_table.h"

namespace ropeway {

template <typename Real>
void fill_rope_table(const RopeTableInput& input, Real* cos, Real* sin) {
  for (int64_t token = 0; token < input.tokens; ++token) {
    for (int64_t pair = 0; pair < input.pairs; ++pair) {
      input.cos_sin(token, pair, cos[token * input.pairs + pair], sin[token * input.pairs + pair]);
    }
  }
}
template void fill_rope_table<float>(const RopeTableInput&, float*, float*);
template void fill_rope_table<double>(const RopeTableInput&, double*, double*);

void fill_rope_angles(const RopeTableInput& input, double* angles, bool* scaled) {
  for (int64_t token = 0; token < input.tokens; ++token) {
    scaled[token] = !input.starts(token);
    for (int64_t pair = 0; pair < input.pairs; ++pair) {
      angles[token * input.pairs + pair] = input.factor_angle(token, pair);
    }
  }
}

}  // namespace ropeway
