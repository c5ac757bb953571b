#include "launch/command_line.h"

#include <iterator>
#include <sstream>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "trainer/config/nearest_word.h"

namespace ropeway {
namespace {

namespace po = boost::program_options;

std::vector<std::string> option_names(const po::options_description& options) {
  std::vector<std::string> names;
  for (const auto& option : options.options()) names.push_back(option->long_name());
  return names;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

[[noreturn]] void unknown_option(const std::string& token, const po::options_description& options) {
  const std::string given = token.substr(0, token.find('='));
  const std::string word = given.substr(std::min(given.find_first_not_of('-'), given.size()));
  const std::string nearest = nearest_word(word, option_names(options));
  fail(ErrorKind::kUsage, "unknown option {}{}", given,
       nearest.empty() ? "; see --help" : fmt::format("; did you mean --{}?", nearest));
}

// One word of a command as a shell takes it back.
std::string quoted(const std::string& word) {
  constexpr const char* kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,+@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string text;
  for (const char c : word) {
    if (c == '\'') {
      text += "'\\''";
    } else {
      text += c;
    }
  }
  return fmt::format("'{}'", text);
}

bool defines(const po::options_description& options, const std::string& name) {
  return options.find_nothrow(name, /*approx=*/false) != nullptr;
}

void set_level(bool quiet, bool verbose) {
  if (quiet && verbose) fail(ErrorKind::kUsage, "--quiet and --verbose: wanted one of the two");
  if (quiet) set_log_level(LogLevel::kWarning);
  if (verbose) set_log_level(LogLevel::kDebug);
}

}  // namespace

bool parse_command_line(const CommandLine& line, const std::vector<std::string>& arguments,
                        po::variables_map& values) {
  po::options_description all;
  all.add(line.options);
  all.add_options()("help,h", "");
  const bool sets_level = !defines(line.options, "quiet") && !defines(line.options, "verbose");
  if (sets_level) {
    all.add_options()("quiet,q", po::bool_switch(), "")("verbose,v", po::bool_switch(), "");
  }
  po::positional_options_description positional;
  const std::vector<std::string> names = words_of(line.positional);
  for (const std::string& name : names) {
    all.add_options()(name.c_str(), po::value<std::string>());
    positional.add(name.c_str(), 1);
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
    if (names.empty()) fail(ErrorKind::kUsage, "found an argument, wanted none; see --help");
    if (names.size() == 1) {
      fail(ErrorKind::kUsage, "found several arguments, wanted one {}; see --help", line.positional);
    }
    fail(ErrorKind::kUsage, "found more than {} arguments, wanted {}; see --help", names.size(),
         line.positional);
  } catch (const po::error& error) {
    fail(ErrorKind::kUsage, "{}; see --help", error.what());
  }
  if (values.count("help") > 0) return false;
  if (sets_level) set_level(values["quiet"].as<bool>(), values["verbose"].as<bool>());
  for (const std::string& name : names) {
    if (values.count(name) == 0 && !line.positional_is_optional)
      fail(ErrorKind::kUsage, "{} is missing; see --help", name);
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

std::string command_text(const std::string& verb, const std::vector<std::string>& arguments) {
  std::string text = fmt::format("ropeway {}", verb);
  for (const std::string& argument : arguments) text += fmt::format(" {}", quoted(argument));
  return text;
}

}  // namespace ropeway
