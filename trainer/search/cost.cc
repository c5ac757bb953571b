#include "trainer/search/cost.h"

#include <algorithm>

namespace ropeway {

SearchWork& SearchWork::operator+=(const SearchWork& other) {
  forwards += other.forwards;
  gradients += other.gradients;
  return *this;
}

int64_t documents_per_look(int64_t num_documents, int64_t length) {
  constexpr int64_t kTokensPerLook = 2048;
  return std::min(num_documents, (kTokensPerLook + length - 1) / length);
}

}  // namespace ropeway
