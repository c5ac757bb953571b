#include "launch/man_page.h"

#include <fmt/format.h>

#include <sstream>

#include "launch/build_info.h"
#include "launch/command_page.h"
#include "launch/exit_codes.h"
#include "launch/verbs.h"
#include "trainer/config/key_help.h"
#include "trainer/config/recipe_keys.h"
#include "trainer/config/recipe_writer.h"
#include "trainer/config/value_reader.h"

namespace ropeway {
namespace {

// Text as it is: no request, no escape, and a hyphen that can be copied.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) {
      out += fmt::format("\\&{}", c);
    } else {
      out += c;
    }
  }
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out + "\n";
}

// Lines that keep their breaks and columns.
std::string as_laid_out(const std::string& text) { return fmt::format(".nf\n{}.fi\n", roff(text)); }

// Words in lines of at most 78 characters.
std::string prose(const std::string& text) {
  std::string out, line;
  for (const std::string& word : split_words(text)) {
    std::string shown = roff(word);
    shown.pop_back();
    if (!line.empty() && line.size() + 1 + shown.size() > 78) {
      out += fmt::format("{}\n", line);
      line.clear();
    }
    line += line.empty() ? shown : fmt::format(" {}", shown);
  }
  return line.empty() ? out : fmt::format("{}{}\n", out, line);
}

// Blank lines part paragraphs, lines that begin with two blanks keep their form, and other line breaks are where the
// source had no more room.
std::string paragraphs(const std::string& text) {
  std::string out, paragraph, laid_out, line;
  const auto finish = [&] {
    out += prose(paragraph);
    if (!laid_out.empty()) out += as_laid_out(laid_out);
    paragraph.clear();
    laid_out.clear();
  };
  for (std::istringstream stream(text); std::getline(stream, line);) {
    const bool is_laid_out = line.starts_with("  ");
    if (line.empty()) {
      finish();
      out += ".PP\n";
    } else if (is_laid_out) {
      laid_out += fmt::format("{}\n", line);
    } else {
      if (!laid_out.empty()) finish();
      paragraph += fmt::format("{} ", line);
    }
  }
  finish();
  return out;
}

std::string heading(const std::string& title, int section, const std::string& summary) {
  std::string shown = roff(title), upper = shown;
  shown.pop_back();
  upper.pop_back();
  for (char& c : upper) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return fmt::format(
      ".\\\" Made by ropeway itself.\n.TH {} {} \"{}\" \"ropeway {}\" \"ropeway manual\"\n.SH NAME\n{} \\- "
      "{}",
      upper, section, kCommitDate, kRopewayVersion, shown, prose(summary));
}

std::string item(const std::string& head, const std::string& text) {
  return fmt::format(".TP\n.B {}{}", roff(head), prose(text));
}

std::string exit_status() {
  std::string text = ".SH EXIT STATUS\n";
  for (const ExitCode& code : exit_codes()) text += item(std::to_string(code.code), code.meaning);
  return text;
}

std::string see_also(const std::string& pages) { return fmt::format(".SH SEE ALSO\n{}", pages); }

ManPage page_of(const Verb& verb) {
  const CommandPage page = verb.page();
  const std::string title = fmt::format("ropeway-{}", verb.name);
  std::string text = heading(title, 1, verb.summary) + ".SH SYNOPSIS\n" +
                     as_laid_out(usage_lines(verb.name, page)) + ".SH DESCRIPTION\n" +
                     paragraphs(page.about) + ".SH OPTIONS\n";
  for (const OptionRow& row : page.options) text += item(spelling(row), row.help);
  text += item("-q, --quiet", "show warnings and errors only") +
          item("-v, --verbose", "show also what other ranks say") +
          item("-h, --help", "show a page of help and do nothing else");
  if (!page.notes.empty()) text += fmt::format(".SH NOTES\n{}", paragraphs(page.notes));
  text += exit_status();
  if (!page.examples.empty()) text += fmt::format(".SH EXAMPLES\n{}", as_laid_out(page.examples));
  return {title + ".1", text + see_also(".BR ropeway (1),\n.BR ropeway\\-recipe (5)\n")};
}

ManPage overview_page() {
  std::string text =
      heading("ropeway", 1, "extends the context window of RoPE language models") + ".SH SYNOPSIS\n" +
      as_laid_out(
          "ropeway VERB [ARGUMENTS]\nmpirun -n RANKS ropeway VERB "
          "[ARGUMENTS]") +
      ".SH DESCRIPTION\n"
      "A recipe, one YAML file, describes model, texts, ranks and stages;\na verb works with it.\n"
      ".SH VERBS\n";
  std::string pages;
  for (const Verb& verb : verbs()) {
    text += item(verb.name, verb.summary);
    pages += fmt::format(".BR ropeway\\-{} (1),\n", verb.name);
  }
  return {"ropeway.1", text + exit_status() + see_also(pages + ".BR ropeway\\-recipe (5)\n")};
}

ManPage recipe_page() {
  std::string text =
      heading("ropeway-recipe", 5, "the YAML file that describes a run of ropeway") + ".SH DESCRIPTION\n" +
      paragraphs(fmt::format(
          "A recipe is one YAML document without anchors, aliases, tags and merge keys. A key that does not "
          "exist, or that stands where it means nothing, is an error. Lengths are written as 4096, 4K, 256K "
          "or 2M (K is 1024); paths are taken from where the program starts.\n\n"
          "${{NAME}} in a value is what the environment has under NAME, ${{NAME:-default}} has a default, "
          "$${{ "
          "is the text ${{; between [ ] and {{ }} put such a value in quotes.\n\n"
          "This page is for version {} of the keys.\n",
          kRecipeVersion));
  for (const std::string& section : recipe_sections()) {
    text += fmt::format(".SH KEYS {}\n", section.empty() ? "AT THE TOP" : fmt::format("OF {}", section));
    for (const RecipeKey& key : recipe_keys()) {
      if (key.section != section) continue;
      std::string body = fmt::format("{}. Wanted: {}.", key.meaning, wanted_for(key));
      const std::string fallback = default_text(key);
      if (key.required) body += " Required.";
      if (!fallback.empty()) body += fmt::format(" Default: {}.", fallback);
      if (section == "stages") {
        body += fmt::format(" Of stages of kind {}.", fmt::join(split_words(key.stage_kinds), ", "));
      }
      text += item(std::string(key.name), body);
    }
  }
  return {"ropeway-recipe.5", text + see_also(".BR ropeway (1)\n")};
}

}  // namespace

std::vector<ManPage> man_pages() {
  std::vector<ManPage> pages = {overview_page()};
  for (const Verb& verb : verbs()) {
    pages.push_back(page_of(verb));
  }
  pages.push_back(recipe_page());
  return pages;
}

}  // namespace ropeway
