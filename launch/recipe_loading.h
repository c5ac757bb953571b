// Reading a recipe for the command line: errors become one message with the right exit code.
#pragma once

#include <boost/program_options.hpp>
#include <string>
#include <vector>

#include "parallel/comm/communicator.h"
#include "trainer/config/recipe_parser.h"

namespace ropeway {

// Throws all errors as one message: kUsage when every one of them is about a --set, else kConfig.
Recipe load_recipe(const std::string& file, const ParseRecipeOptions& options);

// --ranks and --set of verbs that have them. Throws kUsage.
int read_ranks(const boost::program_options::variables_map& values);
std::vector<std::string> read_overrides(const boost::program_options::variables_map& values);

// Collective: as above, with the job's ranks; and every rank must have read the same recipe (nodes may see
// different copies of a file): otherwise kConfig on every rank, naming those that differ from rank 0.
Recipe load_recipe_on_all_ranks(const std::string& file, const std::vector<std::string>& overrides,
                                Communicator& world);

}  // namespace ropeway
