// The two ways the evolution makes an individual (LongRoPE, Algorithm 1, with the constants of its published
// code).
#pragma once

#include <optional>

#include "kernels/base/random.h"
#include "trainer/search/factor_space.h"
#include "trainer/search/genome.h"

namespace ropeway {

struct BreedingOptions {
  double mutation_probability = 0.3;  // of each gene, in mutation and crossover
  double step = 0.01;                 // grid of a coordinate, counted from its left neighbour
  int64_t max_crossover_tries = 20;
  bool start_tokens = false;
};

// A new individual that is not in `history`: each gene is redrawn with the mutation probability, uniformly
// from the grid between its neighbours; again, from there, while the result is known or not monotone. The
// grid is that of the published code: it begins at the left neighbour, ends with the first point that is
// not below the right one (which may be beyond it: the result is then not monotone), and for the first
// gene with the last point below it. The last gene ends at its bound. Of a space with critical pairs genes
// below the critical one follow it, and it moves by up to two pairs with the same probability. Nothing
// when a thousand rounds found nothing new: the space is (nearly) used up. The parent must be inside the
// space; the child is.
std::optional<Genome> mutate(const Genome& parent, const FactorSpace& space, const BreedingOptions& options,
                             const GenomeHistory& history, Philox& random);

// Genes of `worse` put into `better` one by one, until the result is monotone and new. Nothing when the
// parents are alike or the tries are used up; the caller mutates `better` instead.
std::optional<Genome> crossover(const Genome& better, const Genome& worse, const FactorSpace& space,
                                const BreedingOptions& options, const GenomeHistory& history, Philox& random);

}  // namespace ropeway
