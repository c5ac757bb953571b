#include "launch/command_page.h"

#include <fmt/format.h>

#include <algorithm>

#include "trainer/config/recipe_keys.h"

namespace ropeway {
namespace {

namespace po = boost::program_options;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

// The words of `text` behind `first`, in lines of at most `columns` whose words begin at `indent`.
std::string wrapped(const std::string& first, const std::string& text, size_t indent, size_t columns) {
  std::string line =
      first.size() + 2 > indent ? fmt::format("{}  ", first) : fmt::format("{:<{}}", first, indent);
  std::string out;
  bool starts = true;
  for (const std::string& word : split_words(text)) {
    if (!starts && line.size() + 1 + word.size() > columns) {
      out += line;
      out += '\n';
      line.assign(indent, ' ');
      starts = true;
    }
    if (!starts) line += ' ';
    line += word;
    starts = false;
  }
  out += line;
  out += '\n';
  return out;
}

std::string examples_text(const std::string& examples) {
  const std::vector<std::string> lines = lines_of(examples);
  if (lines.empty()) return "";
  std::string text = lines.size() == 1 ? "example:\n" : "examples:\n";
  for (const std::string& line : lines) text += fmt::format("  {}\n", line);
  return text;
}

}  // namespace

Option Option::flag(const std::string& name) {
  return {name, "", [] { return po::bool_switch(); }};
}

Option Option::text(const std::string& name, const std::string& argument) {
  return {name, argument, [] { return po::value<std::string>(); }};
}

Option Option::text(const std::string& name, const std::string& argument, const std::string& fallback) {
  return {name, argument, [fallback] { return po::value<std::string>()->default_value(fallback); }};
}

Option Option::list(const std::string& name, const std::string& argument) {
  return {name, argument, [] { return po::value<std::vector<std::string>>()->composing(); }};
}

Option Option::offering(Completion what) const {
  Option option = *this;
  option.completion = what;
  return option;
}

Option Option::offering(const std::string& of_words) const {
  Option option = offering(Completion::kWords);
  option.words = of_words;
  return option;
}

Option Option::or_letter(const std::string& one) const {
  Option option = *this;
  option.letter = one;
  return option;
}

OptionRow row(const Option& option, const std::string& help) { return {{option}, help}; }
OptionRow row(std::vector<Option> options, const std::string& help) { return {std::move(options), help}; }

OptionRow set_option() {
  return row(Option::list("set", "KEY=VALUE").offering(Completion::kRecipeKey),
             "another value for a key: mesh.data=2, stages.tune.steps=10");
}

std::string spelling(const OptionRow& row) {
  std::string text;
  for (const Option& option : row.options) {
    const std::string letter = option.letter.empty() ? "" : fmt::format("-{}, ", option.letter);
    text += fmt::format("{}{}--{}{}{}", text.empty() ? "" : ", ", letter, option.name,
                        option.argument.empty() ? "" : " ", option.argument);
  }
  return text;
}

std::string usage_lines(const std::string& verb, const CommandPage& page) {
  std::string text;
  for (const std::string& line : lines_of(page.usage)) {
    // A line that begins with a blank goes on with the one above.
    text += fmt::format("{}{}\n", line.starts_with(' ') ? "" : fmt::format("ropeway {} ", verb), line);
  }
  return page.usage.empty() ? fmt::format("ropeway {}\n", verb) : text;
}

std::string help_text(const std::string& verb, const CommandPage& page) {
  std::string text;
  for (const std::string& line : lines_of(usage_lines(verb, page))) {
    text += fmt::format("{}{}\n", text.empty() ? "usage: " : "       ", line);
  }
  text += fmt::format("\n{}", page.about);
  if (!page.options.empty()) text += "\n";
  for (const OptionRow& options : page.options) {
    text += wrapped(fmt::format("  {}", spelling(options)), options.help, page.help_column, page.columns);
  }
  if (!page.notes.empty()) text += fmt::format("\n{}", page.notes);
  if (!page.examples.empty()) text += fmt::format("\n{}", examples_text(page.examples));
  return text;
}

CommandLine command_line(const std::string& verb, const CommandPage& page) {
  CommandLine line{help_text(verb, page), page.positional, {}, page.positional_is_optional};
  for (const OptionRow& options : page.options) {
    for (const Option& option : options.options) {
      const std::string names = option.letter.empty() ? option.name : option.name + "," + option.letter;
      line.options.add_options()(names.c_str(), option.value(), "");
    }
  }
  return line;
}

}  // namespace ropeway
