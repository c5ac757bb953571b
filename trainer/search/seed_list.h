// Collects seeds: all at one temperature, given as whole factors or as a stretch of the tuned ones.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "trainer/search/problem.h"
#include "trainer/search/temperature_search.h"

namespace ropeway {

class SeedList {
 public:
  explicit SeedList(const SearchProblem& problem)
      : tuned_(trained_factors(problem)), temperature_(seed_temperature(problem)) {}

  void add_total(const std::string& origin, const std::vector<double>& factors) {
    seeds_.push_back({.factors = factors, .temperature = temperature_, .start_tokens = 0, .origin = origin});
  }
  void add_stretch(const std::string& origin, std::vector<double> stretch) {
    for (size_t i = 0; i < stretch.size(); ++i) stretch[i] *= tuned_[i];
    add_total(origin, stretch);
  }
  void add(std::vector<Candidate> more) { seeds_.insert(seeds_.end(), more.begin(), more.end()); }
  const std::vector<double>& tuned() const { return tuned_; }
  std::vector<Candidate> take() { return std::move(seeds_); }

 private:
  std::vector<double> tuned_;
  double temperature_;
  std::vector<Candidate> seeds_;
};

}  // namespace ropeway
