#include "launch/command_line.h"

#include "kernels/base/error.h"
#include "trainer/config/recipe_parser.h"

namespace ropeway {
namespace {

namespace po = boost::program_options;

std::vector<std::string> option_names(const po::options_description& options) {
  std::vector<std::string> names;
  for (const auto& option : options.options()) names.push_back(option->long_name());
  return names;
}

[[noreturn]] void unknown_option(const std::string& token, const po::options_description& options) {
  const std::string given = token.substr(0, token.find('='));
  const std::string word = given.substr(std::min(given.find_first_not_of('-'), given.size()));
  const std::string nearest = nearest_word(word, option_names(options));
  fail(ErrorKind::kUsage, "unknown option {}{}", given,
       nearest.empty() ? "; see --help" : fmt::format("; did you mean --{}?", nearest));
}

}  // namespace

bool parse_command_line(const CommandLine& line, const std::vector<std::string>& arguments,
                        po::variables_map& values) {
  po::options_description all;
  all.add(line.options);
  all.add_options()("help,h", "");
  po::positional_options_description positional;
  if (!line.positional.empty()) {
    all.add_options()(line.positional.c_str(), po::value<std::string>());
    positional.add(line.positional.c_str(), 1);
  }
  // No guessing: an abbreviation that is unique today may be another option tomorrow.
  const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  try {
    po::store(po::command_line_parser(arguments).options(all).positional(positional).style(style).run(),
              values);
    po::notify(values);
  } catch (const po::unknown_option& error) {
    unknown_option(error.get_option_name(), line.options);
  } catch (const po::too_many_positional_options_error&) {
    fail(ErrorKind::kUsage, "{}; see --help",
         line.positional.empty() ? "found an argument, wanted none"
                                 : "found several arguments, wanted one " + line.positional);
  } catch (const po::error& error) {
    fail(ErrorKind::kUsage, "{}; see --help", error.what());
  }
  if (values.count("help") > 0) return false;
  if (!line.positional.empty() && values.count(line.positional) == 0) {
    fail(ErrorKind::kUsage, "{} is missing; see --help", line.positional);
  }
  return true;
}

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> items;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    if (end == begin)
      fail(ErrorKind::kUsage, "'{}': wanted a list separated by commas, without empty places", text);
    items.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return items;
}

}  // namespace ropeway
