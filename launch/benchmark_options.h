// The options of the command line that ask for benchmarks.
#pragma once

#include <boost/program_options.hpp>

#include "launch/evaluation.h"

namespace ropeway {

void add_benchmark_options(boost::program_options::options_description& options);
// Throws kUsage naming the option.
BenchmarkRecipe read_benchmark_options(const boost::program_options::variables_map& values);
// What the options of a request say together. Throws kUsage.
void check_benchmark_options(const EvaluationRequest& request);

}  // namespace ropeway
