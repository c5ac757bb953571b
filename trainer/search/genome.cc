#include "trainer/search/genome.h"

#include <cmath>
#include <cstring>

namespace ropeway {

std::string GenomeHistory::key(const Genome& genome) const {
  std::vector<int64_t> quantised;
  quantised.reserve(genome.x.size() + 1);
  for (const double x : genome.x) quantised.push_back(std::llround(x / quantum_));
  quantised.push_back(genome.start_tokens);
  std::string bytes(quantised.size() * sizeof(int64_t), '\0');
  std::memcpy(bytes.data(), quantised.data(), bytes.size());
  return bytes;
}

}  // namespace ropeway
