#include "trainer/search/mutation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "search_fixture.h"
#include "trainer/rope/yarn.h"

namespace ropeway {
namespace {

FactorSpace box(size_t pairs, double low, double high) {
  return {std::vector<double>(pairs, 1.0), std::vector<double>(pairs, low), std::vector<double>(pairs, high)};
}

Genome yarn_genome() { return {yarn_factors({32, 1e4, 256}, 8), 0}; }

TEST(Mutation, ThousandsStayMonotoneInBoundsAndNew) {
  const FactorSpace space = box(32, 1, 10);
  GenomeHistory history(0.01);
  Genome genome = yarn_genome();
  history.insert(genome);
  for (uint32_t k = 0; k < 5000; ++k) {
    Philox random(3, Stream::kMutation, 1, k);
    const auto child = mutate(genome, space, {}, history, random);
    ASSERT_TRUE(child);
    ASSERT_TRUE(is_monotone(child->x)) << k;
    for (const double x : child->x) ASSERT_TRUE(x >= 1 && x <= 10) << k << ": " << x;
    ASSERT_TRUE(history.insert(*child)) << "made twice: " << k;
    genome = *child;
  }
}

TEST(Mutation, RespectsBoundsThatDifferByDim) {
  FactorSpace space = box(16, 1, 8);
  for (size_t i = 0; i < 16; ++i) space.low[i] = 1 + 0.25 * static_cast<double>(i);
  GenomeHistory history(0.01);
  Genome genome{space.low, 0};
  history.insert(genome);
  for (uint32_t k = 0; k < 2000; ++k) {
    Philox random(4, Stream::kMutation, 1, k);
    const auto child = mutate(genome, space, {}, history, random);
    ASSERT_TRUE(child);
    ASSERT_TRUE(space.contains(child->x)) << k;
    history.insert(*child);
    if (k % 3 == 0) genome = *child;
  }
}

// Of children in which one gene is another: what stands left of it is what stood there when it was drawn.
TEST(Mutation, ChangedGenesLieOnTheGridFromTheirLeftNeighbour) {
  const FactorSpace space = box(32, 1, 10);
  GenomeHistory history(0.01);
  const Genome parent = yarn_genome();
  history.insert(parent);
  int checked = 0;
  for (uint32_t k = 0; k < 2000; ++k) {
    Philox random(5, Stream::kMutation, 1, k);
    const auto child = mutate(parent, space, {.mutation_probability = 0.05}, history, random);
    size_t changed = 0, last = 0;
    for (size_t i = 0; i < 32; ++i) {
      if (child->x[i] == parent.x[i]) continue;
      ++changed;
      last = i;
    }
    if (changed != 1) continue;
    const double offset = (child->x[last] - (last == 0 ? 1.0 : child->x[last - 1])) / 0.01;
    ASSERT_NEAR(offset, std::round(offset), 1e-6) << k << " dim " << last;
    ++checked;
  }
  EXPECT_GT(checked, 500);
}

TEST(Mutation, EveryGridValueBetweenTheNeighboursIsReached) {
  // Three dims, the middle one between 1.00 and 1.04: five values, both neighbours included.
  const FactorSpace space = box(3, 1, 1.04);
  std::set<int> seen;
  for (uint32_t k = 0; k < 2000; ++k) {
    GenomeHistory history(0.01);
    const Genome parent{{1.0, 1.02, 1.04}, 0};
    history.insert(parent);
    Philox random(6, Stream::kMutation, 1, k);
    const auto child = mutate(parent, space, {}, history, random);
    if (child->x[0] == 1.0 && child->x[2] == 1.04)
      seen.insert(static_cast<int>(std::lround((child->x[1] - 1) / 0.01)));
  }
  EXPECT_EQ(seen, (std::set<int>{0, 1, 3, 4}));  // 2 is the parent
}

TEST(Mutation, GivesUpWhenTheSpaceIsUsedUp) {
  const FactorSpace space = box(2, 1, 1.01);
  GenomeHistory history(0.01);
  for (const auto& x : {std::vector<double>{1, 1}, {1, 1.01}, {1.01, 1.01}}) history.insert({x, 0});
  Philox random(7, Stream::kMutation);
  EXPECT_FALSE(mutate({{1, 1}, 0}, space, {}, history, random));
}

TEST(Mutation, StartTokensComeFromThePublishedList) {
  const FactorSpace space = box(8, 1, 4);
  GenomeHistory history(0.01);
  BreedingOptions options;
  options.start_tokens = true;
  std::set<int64_t> seen;
  for (uint32_t k = 0; k < 1000; ++k) {
    Philox random(8, Stream::kMutation, 1, k);
    seen.insert(mutate({std::vector<double>(8, 1.0), 0}, space, options, history, random)->start_tokens);
  }
  EXPECT_EQ(seen, (std::set<int64_t>{0, 1, 2, 4, 8, 12, 16, 20, 24, 28, 32, 64, 128, 256}));
}

TEST(Crossover, ThousandsMixTheirParentsAndStayFeasible) {
  const FactorSpace space = box(32, 1, 10);
  GenomeHistory history(0.01);
  std::vector<Genome> parents{yarn_genome()};
  history.insert(parents[0]);
  for (uint32_t k = 0; k < 31; ++k) {
    Philox random(9, Stream::kMutation, 0, k);
    parents.push_back(*mutate(parents[k / 2], space, {}, history, random));
    history.insert(parents.back());
  }
  int made = 0;
  for (uint32_t k = 0; k < 5000; ++k) {
    Philox random(9, Stream::kCrossover, 1, k);
    const Genome &a = parents[random.below(32)], &b = parents[random.below(32)];
    const auto child = crossover(a, b, space, {}, history, random);
    if (!child) continue;
    ++made;
    ASSERT_TRUE(space.contains(child->x));
    for (size_t i = 0; i < 32; ++i) ASSERT_TRUE(child->x[i] == a.x[i] || child->x[i] == b.x[i]);
    ASSERT_TRUE(history.insert(*child)) << "made twice: " << k;
  }
  EXPECT_GT(made, 2000);
}

TEST(Crossover, OfAlikeParentsIsNothing) {
  const FactorSpace space = box(4, 1, 2);
  GenomeHistory history(0.01);
  Philox random(10, Stream::kCrossover);
  const Genome a{{1, 1.2, 1.4, 2}, 0};
  Genome b = a;
  b.x[1] += 1e-7;
  EXPECT_FALSE(crossover(a, b, space, {}, history, random));
}

TEST(GenomeHistory, TellsApartWhatDiffersByAGridStep) {
  GenomeHistory history(0.01);
  EXPECT_TRUE(history.insert({{1, 1.5}, 0}));
  EXPECT_FALSE(history.insert({{1 + 1e-12, 1.5 - 1e-12}, 0}));
  EXPECT_TRUE(history.insert({{1, 1.51}, 0}));
  EXPECT_TRUE(history.insert({{1, 1.5}, 4}));
}

}  // namespace
}  // namespace ropeway
