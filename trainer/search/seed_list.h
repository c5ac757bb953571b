// Seeds being collected: all at one temperature, given as whole factors or as a stretch of the tuned ones.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "trainer/search/factor_space.h"
#include "trainer/search/seeds.h"
#include "trainer/search/temperature_search.h"

namespace ropeway {

class SeedList {
 public:
  explicit SeedList(const SearchProblem& problem)
      : tuned_(trained_factors(problem)),
        temperature_(seed_temperature(problem)),
        critical_(critical_dim(problem)) {}

  void add_total(const std::string& origin, const std::vector<double>& factors, int64_t c) {
    seeds_.push_back(
        {{.factors = factors, .temperature = temperature_, .start_tokens = 0, .origin = origin}, c});
  }
  void add_stretch(const std::string& origin, std::vector<double> stretch) {
    for (size_t i = 0; i < stretch.size(); ++i) stretch[i] *= tuned_[i];
    add_total(origin, stretch, critical_);
  }
  void add(std::vector<Seed> more) { seeds_.insert(seeds_.end(), more.begin(), more.end()); }
  const std::vector<double>& tuned() const { return tuned_; }
  int64_t critical() const { return critical_; }
  std::vector<Seed> take() { return std::move(seeds_); }

 private:
  std::vector<double> tuned_;
  double temperature_;
  int64_t critical_;
  std::vector<Seed> seeds_;
};

}  // namespace ropeway
