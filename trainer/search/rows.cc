#include "trainer/search/rows.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/mesh.h"

namespace ropeway {

std::vector<std::vector<double>> deal_to_rows(const Mesh& mesh, int64_t count, int64_t width,
                                              const std::function<std::vector<double>(int64_t)>& compute) {
  std::vector<double> flat(static_cast<size_t>(count * width), 0.0);
  for (int64_t k = mesh.index(Axis::kData); k < count; k += mesh.size(Axis::kData)) {
    const std::vector<double> figures = compute(k);
    ROPEWAY_CHECK(static_cast<int64_t>(figures.size()) == width, "{} figures, wanted {}", figures.size(),
                  width);
    std::copy(figures.begin(), figures.end(), flat.begin() + k * width);
  }
  // One row computed each figure and the others add zero, so the sum is that figure.
  all_reduce_sum(mesh.group(Axis::kData), flat);
  // All ranks of a row computed its figures; one rank's are taken, so that no two ranks can ever decide
  // differently.
  mesh.world().broadcast(flat.data(), static_cast<int64_t>(flat.size() * sizeof(double)), 0);
  std::vector<std::vector<double>> result;
  for (int64_t k = 0; k < count; ++k) {
    result.emplace_back(flat.begin() + k * width, flat.begin() + (k + 1) * width);
  }
  return result;
}

}  // namespace ropeway
