// Which tasks of RULER a model answers by generating text: those with several answers, in an order that is not
// fixed, and those answered in the model's own words. The others have one answer, and a teacher-forced pass
// decides.
#pragma once

#include "trainer/config/benchmark_recipe.h"

namespace ropeway {

constexpr bool is_generated(RulerTask task) {
  switch (task) {
    using enum RulerTask;
    case kNiahMultivalue:
    case kNiahMultiquery:
    case kVariableTracking:
    case kCommonWords:
    case kFrequentWords:
    case kQuestions1:
    case kQuestions2:
      return true;
    default:
      return false;
  }
}

}  // namespace ropeway
