#include "trainer/config/recipe_writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "trainer/config/lengths.h"
#include "trainer/config/recipe_keys.h"

namespace ropeway {
namespace {

// Plain where any YAML reader takes it for the same text, else in double quotes.
std::string quote(const std::string& text) {
  const auto is_plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '.' || c == '/' || c == '-';
  };
  const bool starts_plain =
      !text.empty() && text[0] != '-' && text[0] != '.' && (text[0] < '0' || text[0] > '9');
  const auto words = split_words(
      "null Null NULL true True TRUE false False FALSE yes Yes YES no No NO on On ON off Off OFF y Y n N");
  const bool is_word = std::find(words.begin(), words.end(), text) != words.end();
  if (starts_plain && !is_word && std::all_of(text.begin(), text.end(), is_plain)) return text;
  std::string out = "\"";
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '$' && text.substr(i, 2) == "${") {
      out += "$$";  // text, no variable of the environment
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string write_list(const std::vector<std::string>& items) {
  return items.empty() ? "" : fmt::format("[{}]", fmt::join(items, ", "));
}

// "" for a text or list that holds nothing: such keys are left out.
std::string write_value(const RecipeKey& key, const Field& field) {
  if (auto* value = std::get_if<bool*>(&field)) return **value ? "true" : "false";
  if (auto* value = std::get_if<int*>(&field)) {
    return **value == automatic_value<int>(key) ? "auto" : fmt::format("{}", **value);
  }
  if (auto* value = std::get_if<int64_t*>(&field)) {
    if (key.type == ValueType::kLength) return **value > 0 ? format_length(**value) : "";
    return **value == automatic_value<int64_t>(key) ? "auto" : fmt::format("{}", **value);
  }
  if (auto* value = std::get_if<uint64_t*>(&field)) return fmt::format("{}", **value);
  if (auto* value = std::get_if<double*>(&field)) {
    if (key.type == ValueType::kShare && **value < 0) return "";
    return fmt::format("{}", **value);  // shortest that reads back
  }
  if (auto* value = std::get_if<Cadence*>(&field)) return text_of(**value);
  if (auto* value = std::get_if<ChoiceField>(&field)) {
    const std::vector<std::string> words = value->words();
    if (key.type == ValueType::kChoiceList) return write_list(words);
    if (key.type == ValueType::kAllOrChoiceList) return words.empty() ? "false" : write_list(words);
    return words.empty() ? "" : words.front();
  }
  if (auto* value = std::get_if<TemperatureChoice*>(&field)) return text_of(**value);
  if (auto* value = std::get_if<std::string*>(&field)) return (*value)->empty() ? "" : quote(**value);
  std::vector<std::string> items;
  if (auto* value = std::get_if<std::vector<TextSource>*>(&field)) {
    for (const TextSource& source : **value) {
      items.push_back(source.weight == 1
                          ? quote(source.path)
                          : fmt::format("{{path: {}, weight: {}}}", quote(source.path), source.weight));
    }
  } else if (auto* value = std::get_if<std::vector<std::string>*>(&field)) {
    for (const std::string& item : **value) items.push_back(quote(item));
  } else {
    for (const int64_t item : *std::get<std::vector<int64_t>*>(field)) items.push_back(format_length(item));
  }
  return write_list(items);
}

struct Line {
  std::string text;  // "key: value"
  std::string note;  // "" for none
};

// The lines of one section; `stage` for the section "stages", and the path of the section's keys in notes. Keys
// "gate.x" and "gate.y" make one line, "gate: {x: ..., y: ...}": the table has them side by side.
std::vector<Line> section_lines(const std::string& section, Recipe& recipe, StageRecipe* stage,
                                const std::string& path, const NoteOfValue& note_of) {
  std::vector<Line> lines;
  for (const RecipeKey& key : recipe_keys()) {
    if (key.section != section || (stage != nullptr && !is_for(key, stage->kind()))) continue;
    const std::string value = write_value(key, field_of(key, recipe, stage));
    if (value.empty()) continue;
    std::string note;
    if (note_of) note = note_of(path.empty() ? std::string(key.name) : fmt::format("{}.{}", path, key.name));
    const size_t dot = key.name.find('.');
    if (dot == std::string_view::npos) {
      lines.push_back({fmt::format("{}: {}", key.name, value), note});
      continue;
    }
    const std::string lead = fmt::format("{}: {{", key.name.substr(0, dot));
    const std::string entry = fmt::format("{}: {}}}", key.name.substr(dot + 1), value);
    if (!lines.empty() && lines.back().text.starts_with(lead)) {
      std::string& text = lines.back().text;
      text.replace(text.size() - 1, 1, fmt::format(", {}", entry));
      std::string& notes = lines.back().note;
      if (notes != note) notes += fmt::format("; {}: {}", key.name.substr(dot + 1), note);
    } else {
      lines.push_back({lead + entry, note});
    }
  }
  return lines;
}

// The line behind its indentation, its note at one column where there is room.
std::string written(const std::string& lead, const Line& line) {
  const std::string text = lead + line.text;
  return line.note.empty() ? text + "\n" : fmt::format("{:<44}  # {}\n", text, line.note);
}

}  // namespace

std::string recipe_to_yaml(const Recipe& original, const NoteOfValue& note_of) {
  Recipe recipe = original;  // fields are reached through pointers to non-const
  std::string out;
  for (const std::string& section : recipe_sections()) {
    if (section == "stages") continue;
    if (section == "model.architecture" && !recipe.model.has_architecture) continue;
    const auto lines = section_lines(section, recipe, nullptr, section, note_of);
    const size_t depth =
        section.empty() ? 0 : 1 + static_cast<size_t>(std::count(section.begin(), section.end(), '.'));
    const bool has_subsection = section == "model" && recipe.model.has_architecture;
    if (depth > 0 && (!lines.empty() || has_subsection)) {
      out += fmt::format("{:{}}{}:\n", "", 2 * (depth - 1), section.substr(section.rfind('.') + 1));
    }
    for (const Line& line : lines) out += written(std::string(2 * depth, ' '), line);
  }
  out += "stages:\n";
  for (size_t i = 0; i < recipe.stages.size(); ++i) {
    std::string lead = "  - ";
    const std::string path = fmt::format("stages[{}]", i);
    for (const Line& line : section_lines("stages", recipe, &recipe.stages[i], path, note_of)) {
      out += written(lead, line);
      lead = "    ";
    }
  }
  return out;
}

std::string value_text(const RecipeKey& key, Recipe& recipe, StageRecipe* stage) {
  return write_value(key, field_of(key, recipe, stage));
}

std::string default_text(const RecipeKey& key) {
  if (key.required) return "";
  Recipe recipe;
  StageRecipe stage;
  if (key.in_stage != nullptr) stage.set_kind(first_kind_of(key));
  return write_value(key, field_of(key, recipe, &stage));
}

}  // namespace ropeway
