// RULER's tasks beside needles and questions: a chain of variables to follow, and words to count.
#pragma once

#include "trainer/tasks/ruler_sample.h"

namespace ropeway {

// vt. letters: of a variable's name, 5, and 3 in examples.
RulerSample make_tracking_sample(int64_t units, const RulerDraw& draw, int64_t letters);

// cwe. units: different words of the list.
RulerSample make_common_words_sample(int64_t units, const RulerDraw& draw);

// fwe. units: coded words, less the fractions that are cut off: word k of a vocabulary of length / 50 is
// there floor(units / k^2 / zeta(2)) times, and the first of them is "...".
RulerSample make_frequent_words_sample(int64_t units, const RulerDraw& draw);

}  // namespace ropeway
