// The published search (LongRoPE, Algorithm 1): a population of monotone factors; the best are parents; their
// mutants and crossovers join them. It costs population + iterations * (mutations + crossovers) evaluations
// of all documents and is never cut short.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/search/factor_space.h"

namespace ropeway {

class Scorer;

struct Individual {
  Candidate candidate;
  double fitness = 0;  // mean NLL on the fixed documents
};

// The population after the last generation, best first. `start` are the first members, and mutants of them
// fill up the population. All take the temperature of the first.
std::vector<Individual> evolve(Scorer& scorer, const FactorSpace& space, const std::vector<Candidate>& start,
                               const SearchRecipe& options, uint64_t seed);

// How many candidates such an evolution scores at most.
int64_t evolution_evaluations(const SearchRecipe& options);

}  // namespace ropeway
