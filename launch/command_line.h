// A thin layer over Boost.Program_options: one verb's options, strict, with suggestions for misspelt ones.
#pragma once

#include <boost/program_options.hpp>
#include <string>
#include <vector>

namespace ropeway {

struct CommandLine {
  std::string help;        // the whole help page
  std::string positional;  // names of the arguments without dashes, "SOURCE TARGET", in order; all required
  boost::program_options::options_description options;
  bool positional_is_optional = false;  // then an argument may be left out
};

// Values by option name; the positional ones are among them. --quiet (-q) and --verbose (-v), which every verb
// that has none of these names has, set the level of the log. Throws kUsage naming the argument, and the
// nearest option for a misspelt one. Returns false when --help was asked for and nothing else is to be done.
bool parse_command_line(const CommandLine& line, const std::vector<std::string>& arguments,
                        boost::program_options::variables_map& values);

std::vector<std::string> split_list(
    const std::string& text);  // at commas; throws kUsage for an empty element

// "ropeway VERB ARGUMENTS" as a shell takes it back.
std::string command_text(const std::string& verb, const std::vector<std::string>& arguments);

}  // namespace ropeway
