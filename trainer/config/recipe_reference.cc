#include "trainer/config/recipe_reference.h"

#include <fmt/format.h>

#include "trainer/config/recipe_keys.h"
#include "trainer/config/recipe_writer.h"
#include "trainer/config/value_reader.h"

namespace ropeway {
namespace {

// "" where a key is for stages of every kind, or for none.
std::string kinds_of(const RecipeKey& key) {
  const bool for_all = split_words(key.stage_kinds).size() == stage_kinds().size();
  return for_all ? "" : std::string(key.stage_kinds);
}

// Text in a cell of a table.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') {
      out += "\\|";
    } else if (c == '<') {
      out += "&lt;";
    } else {
      out += c;
    }
  }
  return out;
}

std::string cell_of_code(const std::string& text) { return text.empty() ? "" : fmt::format("`{}`", text); }

std::string markdown_row(const RecipeKey& key) {
  const std::string fallback = key.required ? "required" : cell_of_code(default_text(key));
  const std::string kinds = kinds_of(key);
  const std::string note = kinds.empty() ? "" : fmt::format(" ({})", fmt::join(split_words(kinds), ", "));
  return fmt::format("| `{}` | {}{} | {} | {} | {} |\n", key.name, cell(key.meaning), note,
                     cell(wanted_for(key)), fallback, fmt::join(split_words(key.also), ", "));
}

}  // namespace

std::string recipe_reference() {
  std::string out;
  for (const std::string& section : recipe_sections()) {
    const std::string title = section.empty() ? "At the top"
                              : section == "stages"
                                  ? "stages: a list; for each, in brackets, the kinds of stage a key is for"
                                  : section + ":";
    out += (out.empty() ? "" : "\n") + title + "\n";
    for (const RecipeKey& key : recipe_keys()) {
      if (key.section != section) continue;
      const std::string kinds = kinds_of(key).empty() ? "" : fmt::format(" [{}]", key.stage_kinds);
      std::string value = wanted_for(key);
      const std::string fallback = default_text(key);
      if (key.required) value += "; required";
      if (!fallback.empty()) value += "; default " + fallback;
      out += fmt::format("  {:<26}{}{}\n  {:<26}{}\n", key.name, key.meaning, kinds, "", value);
    }
  }
  return out;
}

std::string recipe_reference_markdown() {
  std::string out =
      "# Keys of a recipe\n\n"
      "Written from the table that the program reads recipes with; a test fails when the two differ. The "
      "last column lists what other\n"
      "trainers call a key: a recipe that uses such a name is told ours.\n";
  for (const std::string& section : recipe_sections()) {
    const std::string title = section.empty() ? "At the top" : section;
    const bool stages = section == "stages";
    out += fmt::format(
        "\n## {}\n\n{}| key | meaning | value | default | elsewhere |\n|---|---|---|---|---|\n", title,
        stages ? "A list; in brackets the kinds of stage that have the key, where not all do.\n\n" : "");
    for (const RecipeKey& key : recipe_keys()) {
      if (key.section == section) out += markdown_row(key);
    }
  }
  return out;
}

}  // namespace ropeway
