// Keys of stages that look for factors: search and readjust.
#include "trainer/config/key_rows.h"

namespace ropeway {
namespace {

constexpr std::string_view kSearch = "search readjust";

template <auto Member>
Field search(StageRecipe& s) {
  return field_at(s.options<SearchRecipe>().*Member);
}

}  // namespace

std::vector<RecipeKey> search_keys() {
  using enum ValueType;
  using S = SearchRecipe;
  return {
      key(kSearch, "length", kLength, search<&S::length>,
          {.low = 2, .high = kMaxLength, .required = true, .also = "target_length target context_length"},
          "tokens the set is for"),
      key(kSearch, "seeds", kChoice, search<&S::seeds>, {},
          "first candidates: families of closed forms; LongRoPE's PI, NTK, YaRN and mutants; or LongRoPE2's, "
          "with "
          "a critical pair that is searched for as well"),
      key(kSearch, "seed_grid", kChoice, search<&S::seed_grid>, {},
          "members of the families: 54, or the 12 likeliest; auto: short where tuned factors or a shorter "
          "target tell most of it"),
      key(kSearch, "refine", kChoice, search<&S::refine>, {}, "how seeds are improved"),
      key(kSearch, "fitness", kChoice, search<&S::fitness>, {.also = "objective"},
          "what candidates are ranked by: loss of texts, of answers about needles hidden in them, or both"),
      key(kSearch, "needles", kInteger, search<&S::needles>, {.low = 1, .high = 1000},
          "fitness needle or mixed: needles per document at most; fewer where they would take more than half "
          "of "
          "it"),
      key(kSearch, "needle_depth", kChoice, search<&S::needle_depth>, {},
          "fitness needle or mixed: needles all over a document, or at its start"),
      key(kSearch, "temperature", kTemperature, search<&S::temperature>,
          {.high = 100, .above = true, .also = "mscale attention_factor"},
          "attention temperature: search, su, yarn (formulas) or a number"),
      key(kSearch, "documents", kInteger, search<&S::documents>, {.low = 1, .high = 1e6, .also = "samples"},
          "documents that rank candidates"),
      key(kSearch, "finalist_documents", kInteger, search<&S::finalist_documents>, {.low = 0, .high = 1e6},
          "further ones that choose among finalists"),
      key(kSearch, "max_scale_margin", kNumber, search<&S::max_scale_margin>, {.low = 1, .high = 100},
          "factors reach at most this times the scale; 2 with seeds: longrope2 where it is not given"),
      key("readjust", "max_factor", kNumber, search<&S::max_factor>, {.high = 1e9, .also = "cap"},
          "no factor above this; 0: max_scale_margin times the largest tuned factor, or times the length's "
          "own scale where that is more"),
      key(kSearch, "beta_fast", kNumber, search<&S::beta_fast>, {.high = 1e6, .above = true},
          "seeds: paper, the YaRN seed: pairs that turn more often than this in the trained length stay"),
      key(kSearch, "beta_slow", kNumber, search<&S::beta_slow>, {.high = 1e6, .above = true},
          "seeds: paper, the YaRN seed: pairs that turn less often than this are stretched in full"),
      key(kSearch, "start_tokens", kFlag, search<&S::start_tokens>, {},
          "search the number of unscaled first tokens too"),
      key(kSearch, "population", kInteger, search<&S::population>,
          {.low = 2, .high = 1e6, .also = "population_size"}, "evolution: candidates kept"),
      key(kSearch, "mutations", kInteger, search<&S::mutations>, {.high = 1e6, .also = "mutation_numbers"},
          "evolution: mutants per generation"),
      key(kSearch, "crossovers", kInteger, search<&S::crossovers>, {.high = 1e6, .also = "crossover_size"},
          "evolution: crossovers per generation"),
      key(kSearch, "parents", kInteger, search<&S::parents>,
          {.low = 1, .high = 1e6, .also = "parents_size topk"}, "evolution: best candidates that breed"),
      key(kSearch, "iterations", kInteger, search<&S::iterations>,
          {.high = 1e6, .also = "generations max_time_budget"}, "evolution: generations"),
      key(kSearch, "max_crossover_tries", kInteger, search<&S::max_crossover_tries>,
          {.low = 1, .high = 1e6, .also = "max_crossover_try"}, "evolution: tries for a new feasible child"),
      key(kSearch, "mutation_probability", kNumber, search<&S::mutation_probability>,
          {.high = 1, .above = true}, "evolution: chance that a factor is drawn anew"),
      key(kSearch, "step", kNumber, search<&S::step>, {.high = 1, .above = true, .also = "list_step grid"},
          "evolution: grid of the factors"),
      key(kSearch, "gradient_steps", kInteger, search<&S::gradient_steps>, {.high = 1e6},
          "gradient: Adam steps"),
      key(kSearch, "check_every", kInteger, search<&S::check_every>, {.low = 1, .high = 1e6},
          "gradient: steps between looks at the ranking documents"),
      key(kSearch, "factor_learning_rate", kNumber, search<&S::factor_learning_rate>,
          {.high = 10, .above = true}, "gradient: of the factors, in radians of phase at the target's end"),
      key(kSearch, "temperature_learning_rate", kNumber, search<&S::temperature_learning_rate>,
          {.high = 10, .above = true}, "gradient: on the logarithm of the temperature"),
  };
}

}  // namespace ropeway
