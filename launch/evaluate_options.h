// The options of `ropeway evaluate` that an evaluate stage has as keys: one table says which is which. They are texts to
// the command line; what they take, their bounds and their defaults are those of the keys.
#pragma once

#include <boost/program_options.hpp>

#include "launch/evaluation.h"

namespace ropeway {

// Into request.evaluate and request.seed. Throws kUsage naming the option, what was found and what was wanted.
void read_evaluate_options(const boost::program_options::variables_map& values, EvaluationRequest& request);
// What the options of a request say together. Throws kUsage.
void check_evaluate_options(const EvaluationRequest& request);

}  // namespace ropeway
