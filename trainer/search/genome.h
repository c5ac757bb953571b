// One individual of the evolution, and the memory of all that were ever made: none is evaluated twice.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

namespace ropeway {

struct Genome {
  std::vector<double> x;     // coordinates in a FactorSpace
  int64_t start_tokens = 0;  // n-hat
  // Of a space with critical pairs the one from which on x is free; it is not told apart by the history, as x
  // says it all.
  int64_t critical = 0;
};

// n-hat is chosen from these (LongRoPE, Table 4).
constexpr int64_t kStartTokenChoices[] = {0, 1, 2, 4, 8, 12, 16, 20, 24, 28, 32, 64, 128, 256};

// Genomes are the same when every coordinate rounds to the same hundredth of a grid step.
class GenomeHistory {
 public:
  explicit GenomeHistory(double step) : quantum_(step / 100) {}
  bool insert(const Genome& genome) { return seen_.insert(key(genome)).second; }
  bool contains(const Genome& genome) const { return seen_.contains(key(genome)); }
  size_t size() const { return seen_.size(); }
  bool same(const Genome& a, const Genome& b) const { return key(a) == key(b); }

 private:
  std::string key(const Genome& genome) const;

  double quantum_;
  std::unordered_set<std::string> seen_;
};

}  // namespace ropeway
