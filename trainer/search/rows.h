// The rows of the mesh's data axis share the evaluations of a search: no row computes what another one has.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace ropeway {

class Mesh;

// result[k] = compute(k) for every k in [0, count), on every rank. Row r of R computes r, r + R, r + 2R, ...;
// compute is collective over a row and returns `width` figures. Collective over the mesh. Bit for bit the
// same for any number of rows.
std::vector<std::vector<double>> deal_to_rows(const Mesh& mesh, int64_t count, int64_t width,
                                              const std::function<std::vector<double>(int64_t)>& compute);

}  // namespace ropeway
