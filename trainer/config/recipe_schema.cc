#include "trainer/config/recipe_schema.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "trainer/config/recipe_keys.h"
#include "trainer/config/recipe_writer.h"
#include "trainer/config/value_reader.h"

namespace ropeway {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kVariable = "\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\\}";
constexpr const char* kName = "^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$";

Json reference(const char* definition) { return {{"$ref", fmt::format("#/$defs/{}", definition)}}; }

Json integer(const RecipeKey& key) {
  return {{"type", "integer"},
          {"minimum", static_cast<int64_t>(key.low)},
          {"maximum", static_cast<int64_t>(key.high)}};
}

Json number(const RecipeKey& key) {
  return {{"type", "number"}, {key.above ? "exclusiveMinimum" : "minimum", key.low}, {"maximum", key.high}};
}

// Letters that YAML takes for a number are a text all the same.
Json text(const char* pattern = nullptr) {
  Json text = {{"type", {"string", "number", "boolean"}}, {"minLength", 1}};
  if (pattern != nullptr) text["pattern"] = pattern;
  return text;
}

Json any_of(std::initializer_list<Json> forms) { return {{"anyOf", Json(forms)}}; }

// One value; of lists, one element.
Json element(const RecipeKey& key) {
  switch (key.type) {
    case ValueType::kText:
    case ValueType::kTextList:
      return text();
    case ValueType::kSourceList: {
      const Json source = {
          {"type", "object"},
          {"required", {"path"}},
          {"additionalProperties", false},
          {"properties", {{"path", text()}, {"weight", any_of({number(key), reference("environment")})}}}};
      return any_of({text(), source});
    }
    case ValueType::kName:
    case ValueType::kNameList:
      return any_of({text(kName), reference("environment")});
    case ValueType::kFactorList:
      return any_of({text("^(stretched:)?[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$"), reference("environment")});
    case ValueType::kFlag:
      return any_of({{{"type", "boolean"}}, reference("environment")});
    case ValueType::kInteger:
      return any_of({integer(key), reference("environment")});
    case ValueType::kAutoInteger:
      return any_of({{{"const", "auto"}}, integer(key), reference("environment")});
    case ValueType::kNumber:
      return any_of({number(key), reference("environment")});
    case ValueType::kShare:
      return any_of(
          {number(key), {{"type", "string"}, {"pattern", "^[0-9.eE+-]+%$"}}, reference("environment")});
    case ValueType::kLength:
    case ValueType::kLengthList:
      return any_of({integer(key), reference("length"), reference("environment")});
    case ValueType::kTemperature:
      return any_of({{{"enum", words_of<TemperaturePolicy>()}}, number(key), reference("environment")});
    case ValueType::kChoice:
    case ValueType::kChoiceList:
    case ValueType::kAllOrChoiceList: {
      Json words = key.choices;
      // `true` and `false` are words here, and flags to YAML.
      for (const std::string& word : key.choices) {
        if (word == "true" || word == "false") words.push_back(word == "true");
      }
      return any_of({{{"enum", words}}, reference("environment")});
    }
    case ValueType::kCadence:
      return any_of({integer(key), reference("time"), reference("environment")});
  }
  return {};
}

bool is_list(ValueType type) {
  switch (type) {
    case ValueType::kTextList:
    case ValueType::kSourceList:
    case ValueType::kNameList:
    case ValueType::kFactorList:
    case ValueType::kChoiceList:
    case ValueType::kAllOrChoiceList:
    case ValueType::kLengthList:
      return true;
    default:
      return false;
  }
}

// The default, which is written as YAML, as JSON.
Json default_of(const RecipeKey& key) {
  const std::string text = default_text(key);
  if (text.starts_with('[')) {
    Json items = Json::array();
    for (std::string word : split_words(text.substr(1, text.size() - 2))) {
      if (word.back() == ',') word.pop_back();
      items.push_back(word);
    }
    return items;
  }
  const Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return value.is_discarded() || value.is_object() ? Json(text) : value;
}

Json property(const RecipeKey& key) {
  Json value = element(key);
  if (is_list(key.type)) {
    Json list = {{"type", "array"}, {"minItems", 1}, {"items", value}};
    value = key.type == ValueType::kAllOrChoiceList ? any_of({{{"type", "boolean"}}, list}) : list;
  }
  Json described = {{"description", fmt::format("{} ({})", key.meaning, wanted_for(key))}};
  if (!default_text(key).empty()) described["default"] = default_of(key);
  described.update(value);
  return described;
}

Json map_of_keys() {
  return {{"type", "object"}, {"additionalProperties", false}, {"properties", Json::object()}};
}

void require(Json& map, std::string_view name) {
  if (!map.contains("required")) map["required"] = Json::array();
  map["required"].push_back(name);
}

// The keys of a section, for stages those of one kind. "gate.x" becomes x of a map gate.
template <typename Wanted>
Json section(const Wanted& wanted) {
  Json map = map_of_keys();
  for (const RecipeKey& key : recipe_keys()) {
    if (!wanted(key)) continue;
    const size_t dot = key.name.find('.');
    Json* place = &map;
    if (dot != std::string_view::npos) {
      Json& below = map["properties"][std::string(key.name.substr(0, dot))];
      if (below.is_null()) below = map_of_keys();
      place = &below;
    }
    const std::string name(key.name.substr(dot == std::string_view::npos ? 0 : dot + 1));
    (*place)["properties"][name] = property(key);
    if (key.required) require(*place, name);
  }
  return map;
}

Json stages() {
  Json by_kind = Json::array();
  for (const StageKind kind : stage_kinds()) {
    const std::string word(word_of(kind));
    const Json is_kind = {{"properties", {{"kind", {{"const", word}}}}}, {"required", {"kind"}}};
    by_kind.push_back({{"if", is_kind}, {"then", reference(fmt::format("{}_stage", word).c_str())}});
  }
  std::vector<std::string> kinds;
  for (const StageKind kind : stage_kinds()) kinds.emplace_back(word_of(kind));
  const Json stage = {{"type", "object"},
                      {"required", {"name", "kind"}},
                      {"properties", {{"kind", {{"enum", kinds}, {"description", "what the stage does"}}}}},
                      {"allOf", by_kind}};
  return {{"type", "array"},
          {"minItems", 1},
          {"items", stage},
          {"description",
           "what the run does, in order; each stage names the factor set it starts from and "
           "the one it makes"}};
}

Json definitions() {
  Json all = {{"environment",
               {{"type", "string"},
                {"pattern", kVariable},
                {"description", "with a variable of the environment: ${NAME}, or ${NAME:-default}"}}},
              {"time",
               {{"type", "string"},
                {"pattern", "^([1-9][0-9]*[dhms])+$"},
                {"description", "90s, 10m, 3h50m, 1d12h: the larger units first"}}},
              {"length",
               {{"type", "string"},
                {"pattern", "^[1-9][0-9]*[KMG]?$"},
                {"description", "tokens: 4096, 4K, 256K, 2M (K is 1024)"}}}};
  for (const StageKind kind : stage_kinds()) {
    all[fmt::format("{}_stage", word_of(kind))] =
        section([&](const RecipeKey& key) { return key.section == "stages" && is_for(key, kind); });
  }
  return all;
}

}  // namespace

std::string recipe_schema() {
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"title", "recipe of ropeway"},
                 {"description", fmt::format("a run of ropeway, version {} of the keys", kRecipeVersion)}};
  Json top = section([](const RecipeKey& key) { return key.section.empty(); });
  top["properties"]["version"]["maximum"] = kRecipeVersion;
  Json parts = Json::object();
  for (const std::string& name : recipe_sections()) {
    if (name.empty() || name == "stages") continue;
    Json map = section([&](const RecipeKey& key) { return key.section == name; });
    const size_t dot = name.find('.');
    if (dot == std::string::npos) {
      parts[name] = map;
    } else {
      parts[name.substr(0, dot)]["properties"][name.substr(dot + 1)] = map;
    }
  }
  parts["model"]["oneOf"] = {{{"required", {"path"}}}, {{"required", {"architecture"}}}};
  for (const auto& [name, map] : parts.items()) top["properties"][name] = map;
  top["properties"]["stages"] = stages();
  for (const char* name : {"model", "stages"}) require(top, name);
  schema.update(top);
  schema["$defs"] = definitions();
  return schema.dump(2) + "\n";
}

}  // namespace ropeway
