// What a name in a recipe or on the command line stands for at a length: a set of the model, a computed
// schedule, or one of two rules.
#pragma once

#include <string>
#include <vector>

#include "trainer/family/model_config.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {

inline constexpr const char* kAutoFactors = "auto";

//   auto                 the smallest set that covers the length; within the original window, when no set is
//                        for it, the original RoPE
//   none, pi, ntk, yarn  computed at scale length / original window, on the RoPE that the base model was
//                        trained under (its set "llama3" where it has one); "none" is that RoPE itself
//   stretched:NAME       the set NAME grown in proportion to this length (grown_factors), with the formula's
//                        temperature: what extending a tuned model without a new search amounts to
//   anything else        the name of a set; throws kUsage listing the names there are
FactorSet resolve_factors(const std::string& name, int64_t length, const ModelConfig& config,
                          const std::vector<FactorSet>& sets);

}  // namespace ropeway
