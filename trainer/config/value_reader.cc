#include "trainer/config/value_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "kernels/base/error.h"
#include "trainer/config/lengths.h"
#include "trainer/config/nearest_word.h"
#include "trainer/config/recipe.h"
#include "trainer/config/recipe_problems.h"

namespace ropeway {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// [+-] (0 | 1-9 digits) [. digits] [e [+-] digits]; `integer` stops after the first part. from_chars alone
// would take "inf" and leading zeros.
bool has_number_form(std::string_view text, bool integer) {
  size_t i = !text.empty() && (text[0] == '+' || text[0] == '-') ? 1 : 0;
  const auto digits = [&] {
    const size_t begin = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i - begin;
  };
  const size_t whole_begin = i, whole = digits();
  if (whole == 0 || (whole > 1 && text[whole_begin] == '0')) return false;
  if (integer) return i == text.size();
  if (i < text.size() && text[i] == '.' && (++i, digits() == 0)) return false;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

template <typename Number>
std::optional<Number> convert(std::string_view text) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> read_number(const RecipeKey& key, const YamlNode& node) {
  if (node.quoted || !has_number_form(node.text, false)) return std::nullopt;
  const auto value = convert<double>(node.text);
  if (!value || !std::isfinite(*value) || *value > key.high) return std::nullopt;
  if (key.above ? *value <= key.low : *value < key.low) return std::nullopt;
  return value;
}

// 1% or 0.01.
std::optional<double> read_share(const RecipeKey& key, const YamlNode& node) {
  if (node.quoted || !node.text.ends_with('%')) return read_number(key, node);
  YamlNode percent = node;
  percent.text.pop_back();
  RecipeKey bounds = key;
  bounds.low *= 100;
  bounds.high *= 100;
  const auto value = read_number(bounds, percent);
  return value ? std::optional(*value / 100) : std::nullopt;
}

template <typename Integer>
std::optional<Integer> read_integer(const RecipeKey& key, const YamlNode& node) {
  if (node.quoted || !has_number_form(node.text, true)) return std::nullopt;
  const auto value = convert<Integer>(node.text);
  if (!value || static_cast<double>(*value) < key.low || static_cast<double>(*value) > key.high)
    return std::nullopt;
  return value;
}

std::optional<int64_t> read_length(const RecipeKey& key, const YamlNode& node) {
  if (node.quoted) return std::nullopt;
  try {
    const int64_t value = parse_length(node.text);
    if (static_cast<double>(value) < key.low || static_cast<double>(value) > key.high) return std::nullopt;
    return value;
  } catch (const Error&) {
    return std::nullopt;
  }
}

bool is_name(const std::string& text) {
  const auto fits = [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= 64 && text[0] != '-' && std::all_of(text.begin(), text.end(), fits);
}

std::optional<TemperatureChoice> read_temperature(const RecipeKey& key, const YamlNode& node) {
  if (const auto policy = value_of<TemperaturePolicy>(node.text)) return TemperatureChoice{*policy, 0};
  if (const auto number = read_number(key, node))
    return TemperatureChoice{TemperaturePolicy::kNumber, *number};
  return std::nullopt;
}

// A scalar that is to become a std::string.
bool fits_as_text(const RecipeKey& key, const YamlNode& node) {
  switch (key.type) {
    case ValueType::kName:
    case ValueType::kNameList:
      return is_name(node.text);
    case ValueType::kFactorList:
      return is_name(node.text.rfind("stretched:", 0) == 0 ? node.text.substr(10) : node.text);
    default:
      return !node.text.empty();
  }
}

bool store(const RecipeKey& key, const YamlNode& node, const Field& field) {
  const auto assign = [](auto* target, const auto& value) {
    if (value) *target = *value;
    return value.has_value();
  };
  if (auto* flag = std::get_if<bool*>(&field)) {
    if (node.quoted || (node.text != "true" && node.text != "false")) return false;
    **flag = node.text == "true";
    return true;
  }
  const bool automatic = key.type == ValueType::kAutoInteger && node.text == "auto";
  if (auto* number = std::get_if<int*>(&field)) {
    return assign(*number, automatic ? automatic_value<int>(key) : read_integer<int>(key, node));
  }
  if (auto* number = std::get_if<int64_t*>(&field)) {
    if (automatic) return assign(*number, automatic_value<int64_t>(key));
    return assign(*number,
                  key.type == ValueType::kLength ? read_length(key, node) : read_integer<int64_t>(key, node));
  }
  if (auto* number = std::get_if<uint64_t*>(&field))
    return assign(*number, read_integer<uint64_t>(key, node));
  if (auto* number = std::get_if<double*>(&field)) {
    return assign(*number, key.type == ValueType::kShare ? read_share(key, node) : read_number(key, node));
  }
  if (auto* cadence = std::get_if<Cadence*>(&field)) {
    return assign(*cadence, node.quoted ? std::nullopt : parse_cadence(node.text));
  }
  if (auto* choice = std::get_if<ChoiceField>(&field)) {
    const bool is_taken = std::find(key.choices.begin(), key.choices.end(), node.text) != key.choices.end();
    return is_taken && choice->store(node.text);
  }
  if (auto* temperature = std::get_if<TemperatureChoice*>(&field))
    return assign(*temperature, read_temperature(key, node));
  if (auto* text = std::get_if<std::string*>(&field)) {
    if (!fits_as_text(key, node)) return false;
    **text = node.text;
    return true;
  }
  if (auto* list = std::get_if<std::vector<std::string>*>(&field)) {
    if (!fits_as_text(key, node)) return false;
    (*list)->push_back(node.text);
    return true;
  }
  const auto length = read_length(key, node);
  if (length) std::get<std::vector<int64_t>*>(field)->push_back(*length);
  return length.has_value();
}

bool is_list(const RecipeKey& key) {
  return key.type == ValueType::kTextList || key.type == ValueType::kSourceList ||
         key.type == ValueType::kNameList || key.type == ValueType::kFactorList ||
         key.type == ValueType::kChoiceList || key.type == ValueType::kAllOrChoiceList ||
         key.type == ValueType::kLengthList;
}

std::string wanted_range(const RecipeKey& key, bool is_integer) {
  const auto show = [&](double bound) {
    return is_integer ? fmt::format("{}", static_cast<int64_t>(bound)) : fmt::format("{:.9g}", bound);
  };
  if (key.above) return fmt::format("above {} and at most {}", show(key.low), show(key.high));
  return fmt::format("from {} to {}", show(key.low), show(key.high));
}

std::string wanted_element(const RecipeKey& key) {
  switch (key.type) {
    case ValueType::kText:
    case ValueType::kTextList:
      return "a text";
    case ValueType::kSourceList:
      return "a text, or {path: a text, weight: a number " + wanted_range(key, false) + "}";
    case ValueType::kName:
    case ValueType::kNameList:
      return "a name: letters, digits, _ and -, at most 64";
    case ValueType::kFactorList:
      return "a name, or stretched:NAME";
    case ValueType::kFlag:
      return "true or false";
    case ValueType::kInteger:
      return "an integer " + wanted_range(key, true);
    case ValueType::kAutoInteger:
      return "auto, or an integer " + wanted_range(key, true);
    case ValueType::kCadence:
      return "a number of steps, or a time such as 10m or 1h30m";
    case ValueType::kNumber:
      return "a number " + wanted_range(key, false);
    case ValueType::kShare:
      return "a share such as 1% or 0.01, " + wanted_range(key, false);
    case ValueType::kLength:
    case ValueType::kLengthList:
      return fmt::format("a length from {} to {} such as 4096, 4K or 2M",
                         format_length(static_cast<int64_t>(key.low)),
                         format_length(static_cast<int64_t>(key.high)));
    case ValueType::kTemperature:
      return "search, su, yarn, or a number " + wanted_range(key, false);
    case ValueType::kChoice:
    case ValueType::kChoiceList:
    case ValueType::kAllOrChoiceList:
      return join_words(key.choices);
  }
  return "";
}

// One source of text: its path, or a map of path and weight. Empty when it is stored.
std::optional<ValueError> store_source(const RecipeKey& key, const YamlNode& node, const std::string& suffix,
                                       std::vector<TextSource>& sources) {
  const auto refuse_at = [&](const YamlNode& at, const std::string& below, const std::string& wanted) {
    return ValueError{at.place, suffix + below, fmt::format("found {}, wanted {}", describe(at), wanted)};
  };
  if (node.kind == YamlNode::Kind::kScalar && !node.text.empty()) {
    sources.push_back({node.text});
    return std::nullopt;
  }
  if (node.kind != YamlNode::Kind::kMap) return refuse_at(node, "", wanted_element(key));
  TextSource source;
  for (const auto& [name, value] : node.entries) {
    if (name.text == "path") {
      if (value.kind != YamlNode::Kind::kScalar || value.text.empty())
        return refuse_at(value, ".path", "a text");
      source.path = value.text;
    } else if (name.text == "weight") {
      const auto weight = value.kind == YamlNode::Kind::kScalar ? read_number(key, value) : std::nullopt;
      if (!weight) return refuse_at(value, ".weight", "a number " + wanted_range(key, false));
      source.weight = *weight;
    } else {
      return ValueError{name.place, fmt::format("{}.{}", suffix, name.text),
                        "unknown key, wanted path or weight"};
    }
  }
  if (source.path.empty()) return ValueError{node.place, suffix + ".path", "found nothing, wanted a text"};
  sources.push_back(source);
  return std::nullopt;
}

// `true` and `false` in place of a list of choices. False: the node is neither.
bool store_all_or_none(const RecipeKey& key, const YamlNode& node, const Field& field) {
  const bool all = node.text == "true";
  if (node.kind != YamlNode::Kind::kScalar || node.quoted || (!all && node.text != "false")) return false;
  const auto& choices = std::get<ChoiceField>(field);
  choices.clear_list();
  for (const std::string& word : key.choices) {
    if (all) choices.store(word);
  }
  return true;
}

ValueError refuse(const RecipeKey& key, const YamlNode& node, const std::string& suffix,
                  const std::string& wanted) {
  ValueError error{node.place, suffix, fmt::format("found {}, wanted {}", describe(node), wanted)};
  if (node.kind == YamlNode::Kind::kScalar && key.choices.size() > 1) {
    const std::string nearest = nearest_word(node.text, key.choices);
    if (!nearest.empty()) error.text += fmt::format("; did you mean {}?", nearest);
  }
  return error;
}

}  // namespace

std::string wanted_for(const RecipeKey& key) {
  switch (key.type) {
    case ValueType::kTextList:
    case ValueType::kSourceList:
      return "a list of texts, [a, b]";
    case ValueType::kNameList:
    case ValueType::kFactorList:
      return "a list of names, [a, b]";
    case ValueType::kLengthList:
      return "a list of lengths, [4K, 64K]";
    case ValueType::kAllOrChoiceList:
      return fmt::format("true, or a list of {}, [{}]", join_words(key.choices), key.choices.front());
    case ValueType::kChoiceList:
      return fmt::format("a list of {}, [{}]", join_words(key.choices), key.choices.front());
    default:
      return wanted_element(key);
  }
}

std::vector<ValueError> read_value(const RecipeKey& key, const YamlNode& node, const Field& field) {
  if (!is_list(key)) {
    if (node.kind == YamlNode::Kind::kScalar && store(key, node, field)) return {};
    return {refuse(key, node, "", wanted_for(key))};
  }
  if (key.type == ValueType::kAllOrChoiceList && store_all_or_none(key, node, field)) return {};
  if (node.kind != YamlNode::Kind::kList || node.items.empty())
    return {refuse(key, node, "", wanted_for(key))};
  if (auto* choices = std::get_if<ChoiceField>(&field)) choices->clear_list();
  if (auto* texts = std::get_if<std::vector<std::string>*>(&field)) (*texts)->clear();
  if (auto* numbers = std::get_if<std::vector<int64_t>*>(&field)) (*numbers)->clear();
  auto* sources = std::get_if<std::vector<TextSource>*>(&field);
  if (sources) (*sources)->clear();
  std::vector<ValueError> errors;
  for (size_t i = 0; i < node.items.size(); ++i) {
    const YamlNode& item = node.items[i];
    if (sources) {
      const auto error = store_source(key, item, fmt::format("[{}]", i), **sources);
      if (error) errors.push_back(*error);
      continue;
    }
    if (item.kind != YamlNode::Kind::kScalar || !store(key, item, field)) {
      errors.push_back(refuse(key, item, fmt::format("[{}]", i), wanted_element(key)));
    }
  }
  return errors;
}

std::vector<ValueError> read_text_value(const RecipeKey& key, const std::string& text, const Field& field) {
  const auto scalar = [](std::string_view word) {
    YamlNode node;
    node.kind = YamlNode::Kind::kScalar;
    node.text = word;
    return node;
  };
  const bool all_or_none = key.type == ValueType::kAllOrChoiceList && (text == "true" || text == "false");
  if (!is_list(key) || all_or_none) return read_value(key, scalar(text), field);
  YamlNode list;
  list.kind = YamlNode::Kind::kList;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    if (end == begin) {
      return {
          {{}, "", fmt::format("found '{}', wanted a list separated by commas, without empty places", text)}};
    }
    list.items.push_back(scalar(std::string_view(text).substr(begin, end - begin)));
    begin = end + 1;
  }
  return read_value(key, list, field);
}

}  // namespace ropeway
