// What a name in a recipe or on the command line stands for at a length: a set of the model, a computed
// schedule, or one of two rules.
#pragma once

#include <string>
#include <vector>

#include "trainer/family/model_config.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {

inline constexpr const char* kAutoFactors = "auto";

//   auto                 the smallest set for these weights that covers the length (rope/auto_factors.h); its
//                        max_length is below the length when there is none
//   none, pi, ntk, ...   computed at scale length / original window, on the RoPE that the base model was
//                        trained under (its set "llama3" where it has one); "none" is that RoPE itself
//   stretched:NAME       the set NAME grown in proportion to this length (grown_factors), with the formula's
//                        temperature: what extending a tuned model without a new search amounts to
//   anything else        the name of a set, for these weights or earlier ones; throws kUsage listing the
//                        names there are
// weights: the name of those that are worked on.
FactorSet resolve_factors(const std::string& name, int64_t length, const ModelConfig& config,
                          const std::vector<FactorSet>& sets, const std::string& weights = "");

// "" where the set that auto chose reaches the length, else a line for the user that says how far it does.
std::string beyond_longest_set(const FactorSet& chosen, int64_t length);

}  // namespace ropeway
