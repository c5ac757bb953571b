// What a verb says of itself: usage, options and their words, examples. Declared once, as data; the parser's
// options, --help, the man page and the shells' completion are made from it.
#pragma once

#include <boost/program_options.hpp>
#include <functional>
#include <string>
#include <vector>

#include "launch/command_line.h"

namespace ropeway {

// What a shell offers for the value of an option.
enum class Completion { kNothing, kFile, kWords, kRecipeKey, kStage };

struct Option {
  std::string name, argument;  // "set", "KEY=VALUE"; no argument: a flag
  std::function<boost::program_options::value_semantic*()> value;
  Completion completion = Completion::kNothing;
  std::string words = {};   // of kWords, space-separated
  std::string letter = {};  // "o": -o stands for it as well

  static Option flag(const std::string& name);
  static Option text(const std::string& name, const std::string& argument);
  static Option text(const std::string& name, const std::string& argument, const std::string& fallback);
  static Option list(const std::string& name, const std::string& argument);  // may be given several times
  template <typename Number>
  static Option number(const std::string& name, const std::string& argument) {
    return {name, argument, [] { return boost::program_options::value<Number>(); }};
  }
  template <typename Number>
  static Option number(const std::string& name, const std::string& argument, Number fallback) {
    return {name, argument,
            [fallback] { return boost::program_options::value<Number>()->default_value(fallback); }};
  }
  // The same with what a shell offers.
  Option offering(Completion what) const;
  Option offering(const std::string& of_words) const;
  Option or_letter(const std::string& letter) const;
};

// Options that one text explains.
struct OptionRow {
  std::vector<Option> options;
  std::string help;
};
OptionRow row(const Option& option, const std::string& help);
OptionRow row(std::vector<Option> options, const std::string& help);
OptionRow set_option();  // --set KEY=VALUE, of every verb that reads a recipe

struct CommandPage {
  std::string usage;  // lines of what follows on "ropeway VERB"
  std::string about;  // lines, laid out by hand
  std::vector<OptionRow> options = {};
  std::string notes = "";       // lines below the options
  std::string examples = "";    // lines
  std::string positional = "";  // as of CommandLine
  bool positional_is_optional = false;
  size_t columns = 80, help_column = 20;
};

// "ropeway VERB ..." in lines.
std::string usage_lines(const std::string& verb, const CommandPage& page);
std::string help_text(const std::string& verb, const CommandPage& page);
// All options of a row: "--align W, --stride N".
std::string spelling(const OptionRow& row);
CommandLine command_line(const std::string& verb, const CommandPage& page);

}  // namespace ropeway
