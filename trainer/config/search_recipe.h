// What a stage that searches factors says: search and readjust.
#pragma once

#include <cstdint>
#include <string>

#include "trainer/config/choices.h"

namespace ropeway {

// The first candidates: families of closed forms; LongRoPE's PI, NTK, YaRN and mutants of them; or
// LongRoPE2's NTK up to a critical pair that is searched for too, and at least the scale from there on.
enum class SearchSeeds { kFamilies, kPaper, kLongRope2 };
template <>
struct ChoiceTable<SearchSeeds> {
  using enum SearchSeeds;
  static constexpr Choice<SearchSeeds> choices[] = {
      {kFamilies, "families"}, {kPaper, "paper"}, {kLongRope2, "longrope2"}};
};

// What candidates are ranked by: the mean loss of texts, that of the answers to questions about needles
// hidden in them, or both.
enum class SearchFitness { kText, kNeedle, kMixed };
template <>
struct ChoiceTable<SearchFitness> {
  using enum SearchFitness;
  static constexpr Choice<SearchFitness> choices[] = {
      {kText, "text"}, {kNeedle, "needle"}, {kMixed, "mixed"}};
};

// Where the needles of a document are: at its start, as LongRoPE2's paper has it, or all over it.
enum class NeedleDepth { kSpread, kStart };
template <>
struct ChoiceTable<NeedleDepth> {
  using enum NeedleDepth;
  static constexpr Choice<NeedleDepth> choices[] = {{kSpread, "spread"}, {kStart, "start"}};
};

// How many of the families' members are tried. kAuto: the short list where tuned factors or a shorter target
// tell most of it.
enum class SeedGrid { kAuto, kFull, kShort };
template <>
struct ChoiceTable<SeedGrid> {
  using enum SeedGrid;
  static constexpr Choice<SeedGrid> choices[] = {{kAuto, "auto"}, {kFull, "full"}, {kShort, "short"}};
};

// How the best seeds are improved.
enum class SearchRefine { kGradient, kEvolution, kNone };
template <>
struct ChoiceTable<SearchRefine> {
  using enum SearchRefine;
  static constexpr Choice<SearchRefine> choices[] = {
      {kGradient, "gradient"}, {kEvolution, "evolution"}, {kNone, "none"}};
};

// The attention temperature of candidates: searched, by a formula (rope/schedules.h), or a number.
enum class TemperaturePolicy { kSearch, kSu, kYarn, kNumber };
template <>
struct ChoiceTable<TemperaturePolicy> {
  using enum TemperaturePolicy;
  static constexpr Choice<TemperaturePolicy> choices[] = {{kSearch, "search"}, {kSu, "su"}, {kYarn, "yarn"}};
};

struct TemperatureChoice {
  TemperaturePolicy policy = TemperaturePolicy::kSearch;
  double number = 0;  // of kNumber; above 0
};
std::string text_of(const TemperatureChoice& choice);  // "search", "1.25"

struct SearchRecipe {
  int64_t length = 0;  // tokens the set is for
  SearchSeeds seeds = SearchSeeds::kFamilies;
  SeedGrid seed_grid = SeedGrid::kAuto;
  SearchRefine refine = SearchRefine::kGradient;
  SearchFitness fitness = SearchFitness::kText;
  int64_t needles = 10;  // of a document at most: fewer where they would take more than half of it
  NeedleDepth needle_depth = NeedleDepth::kSpread;
  TemperatureChoice temperature;
  int64_t documents = 5;           // fixed documents that rank candidates
  int64_t finalist_documents = 2;  // held out from them; tail and needle loss decide there
  double max_scale_margin = 1.25;  // lambda at most margin * scale (LongRoPE Table 4; LongRoPE2: see below)
  double max_factor = 0;           // readjust: no lambda above it; 0: factor_space.h
  double beta_fast = 32, beta_slow = 1;  // of the YaRN seed of seeds: paper (its code has 128, 2 for Mistral)
  bool start_tokens = false;             // search n-hat as well
  // evolution (LongRoPE section 3.3 and its code's defaults)
  int64_t population = 64, mutations = 16, crossovers = 16, parents = 32, iterations = 40,
          max_crossover_tries = 20;
  double mutation_probability = 0.3, step = 0.01;
  // gradient
  int64_t gradient_steps = 60, check_every = 5;
  double factor_learning_rate = 0.1, temperature_learning_rate = 0.005;
};

// What max_scale_margin is where a recipe does not say: 2 with seeds: longrope2, whose slow pairs lie between
// the scale and twice as much (Shang et al. 2025, Alg. 2).
double default_scale_margin(SearchSeeds seeds);

}  // namespace ropeway
