// What a search is given: the model's rotary geometry, what it was trained under, the length it shall reach,
// and the recipe's choices. Numbers only: nothing here or in the steps that work on it knows a tensor.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/config/search_recipe.h"
#include "trainer/rope/factor_set.h"
#include "trainer/rope/schedules.h"
#include "trainer/search/candidate.h"

namespace ropeway {

struct SearchProblem {
  RopeGeometry geometry;
  int64_t target_length = 0;            // L', tokens
  std::vector<double> trained_factors;  // lambda_ft of a tuned model; empty: the original RoPE
  int64_t trained_length = 0;           // the length the model was last trained at; 0: the original window
  double trained_temperature = 1;
  std::vector<FactorSet> known_sets;  // of shorter targets: transferred as seeds
  std::vector<Candidate> keep;        // always compared as well (readjust: original RoPE and tuned factors)
  bool readjust = false;              // the target lies within the trained length: reduced bounds
  uint64_t seed = 0;
  SearchRecipe options;
};

// lambda_ft, or ones for an original model.
std::vector<double> trained_factors(const SearchProblem& problem);
int64_t trained_length(const SearchProblem& problem);  // L_ft, or L0
double trained_scale(const SearchProblem& problem);    // trained length / L0
double total_scale(const SearchProblem& problem);      // target / L0
double remaining_scale(const SearchProblem& problem);  // target / trained length

}  // namespace ropeway
