#include "trainer/search/evolution.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/search/genome.h"
#include "trainer/search/mutation.h"
#include "trainer/search/scorer.h"

namespace ropeway {
namespace {

struct Member {
  int64_t id = 0;  // in order of creation
  Genome genome;
  std::string origin;
  double fitness = 0;
};

class Population {
 public:
  Population(Scorer& scorer, const FactorSpace& space, const SearchRecipe& options, uint64_t seed,
             double temperature)
      : scorer_(scorer),
        space_(space),
        options_(options),
        seed_(seed),
        temperature_(temperature),
        breeding_{.mutation_probability = options.mutation_probability,
                  .step = options.step,
                  .max_crossover_tries = options.max_crossover_tries,
                  .start_tokens = options.start_tokens},
        history_(options.step) {}

  void begin(const std::vector<Candidate>& start) {
    std::vector<Member> first;
    for (const Candidate& candidate : start) {
      Genome genome{space_.coordinates(candidate.factors), candidate.start_tokens};
      genome.critical = space_.first_free(genome.x);
      add(first, genome, candidate.origin);
    }
    const size_t seeds = first.size();
    // 1000 failed rounds mean an (almost) exhausted space: a smaller population is all there is.
    for (uint32_t index = 0; static_cast<int64_t>(first.size()) < options_.population; ++index) {
      Philox random(seed_, Stream::kMutation, 0, index);
      if (!add_mutant(first, first[random.below(seeds)], random)) break;
    }
    evaluate(first);
    members_ = std::move(first);
    sort();
  }

  void advance(int64_t generation) {
    members_.resize(std::min(members_.size(), static_cast<size_t>(options_.parents)));
    const std::vector<Member>& parents = members_;
    std::vector<Member> children;
    for (int64_t m = 0; m < options_.mutations; ++m) {
      Philox random(seed_, Stream::kMutation, generation, static_cast<uint32_t>(m));
      add_mutant(children, parents[random.below(parents.size())], random);
    }
    for (int64_t m = 0; m < options_.crossovers; ++m) {
      Philox random(seed_, Stream::kCrossover, generation, static_cast<uint32_t>(m));
      add_crossover(children, parents, random);
    }
    evaluate(children);
    members_.insert(members_.end(), children.begin(), children.end());
    sort();
  }

  std::vector<Individual> individuals() const {
    std::vector<Individual> result;
    for (const Member& member : members_) result.push_back({candidate(member), member.fitness});
    return result;
  }

 private:
  bool add(std::vector<Member>& to, const Genome& genome, const std::string& origin) {
    if (!history_.insert(genome)) return false;
    to.push_back({next_id_++, genome, origin, 0});
    return true;
  }

  bool add_mutant(std::vector<Member>& to, const Member& parent, Philox& random) {
    const auto child = mutate(parent.genome, space_, breeding_, history_, random);
    return child && add(to, *child, fmt::format("mutation of {}", parent.id));
  }

  void add_crossover(std::vector<Member>& to, const std::vector<Member>& parents, Philox& random) {
    // Two different members, the better first: they are sorted.
    size_t a = random.below(parents.size()), b = a;
    if (parents.size() > 1) b = (a + 1 + random.below(parents.size() - 1)) % parents.size();
    if (b < a) std::swap(a, b);
    const auto child = crossover(parents[a].genome, parents[b].genome, space_, breeding_, history_, random);
    if (child) {
      add(to, *child, fmt::format("crossover of {} and {}", parents[a].id, parents[b].id));
    } else {
      add_mutant(to, parents[a], random);
    }
  }

  Candidate candidate(const Member& member) const {
    return {.factors = space_.factors(member.genome.x),
            .temperature = temperature_,
            .start_tokens = member.genome.start_tokens,
            .origin = member.origin};
  }

  void evaluate(std::vector<Member>& members) {
    std::vector<Candidate> candidates;
    for (const Member& member : members) candidates.push_back(candidate(member));
    const std::vector<double> fitness = scorer_.means(candidates, scorer_.num_documents());
    for (size_t i = 0; i < members.size(); ++i) members[i].fitness = fitness[i];
  }

  // At equal fitness the older one comes first, so that the order is the same everywhere.
  void sort() {
    std::stable_sort(members_.begin(), members_.end(),
                     [](const Member& a, const Member& b) { return a.fitness < b.fitness; });
  }

  Scorer& scorer_;
  const FactorSpace& space_;
  const SearchRecipe& options_;
  uint64_t seed_;
  double temperature_;
  BreedingOptions breeding_;
  GenomeHistory history_;
  std::vector<Member> members_;
  int64_t next_id_ = 0;
};

}  // namespace

std::vector<Individual> evolve(Scorer& scorer, const FactorSpace& space, const std::vector<Candidate>& start,
                               const SearchRecipe& options, uint64_t seed) {
  ROPEWAY_CHECK(!start.empty(), "an evolution needs a seed");
  Population population(scorer, space, options, seed, start.front().temperature);
  population.begin(start);
  for (int64_t generation = 1; generation <= options.iterations; ++generation) population.advance(generation);
  return population.individuals();
}

int64_t evolution_evaluations(const SearchRecipe& options) {
  return options.population + options.iterations * (options.mutations + options.crossovers);
}

}  // namespace ropeway
