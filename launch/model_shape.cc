#include "launch/model_shape.h"

#include <filesystem>

#include "kernels/base/error.h"
#include "launch/command_line.h"
#include "trainer/config/nearest_word.h"
#include "trainer/config/recipe_keys.h"
#include "trainer/config/value_reader.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/plan/known_models.h"
#include "trainer/stages/recipe_model.h"

namespace ropeway {
namespace {

constexpr std::string_view kSection = "model.architecture";

const RecipeKey& shape_key(const std::string& name) {
  std::vector<std::string> names;
  for (const RecipeKey& key : recipe_keys()) {
    if (key.section != kSection) continue;
    if (key.name == name) return key;
    names.emplace_back(key.name);
  }
  const std::string nearest = nearest_word(name, names);
  fail(ErrorKind::kUsage, "--shape {}: no such key; {}", name,
       nearest.empty() ? fmt::format("there are {}", fmt::join(names, ", "))
                       : fmt::format("did you mean {}?", nearest));
}

ModelConfig shape_from_list(const std::string& list) {
  Recipe recipe;
  std::string given = ",";
  for (const std::string& item : split_list(list)) {
    const size_t equals = item.find('=');
    if (equals == std::string::npos) fail(ErrorKind::kUsage, "--shape: found {}, wanted key=value", item);
    const RecipeKey& key = shape_key(item.substr(0, equals));
    YamlNode value;
    value.kind = YamlNode::Kind::kScalar;
    value.text = item.substr(equals + 1);
    for (const ValueError& error : read_value(key, value, field_of(key, recipe, nullptr))) {
      fail(ErrorKind::kUsage, "--shape: {}: {}", key.name, error.text);
    }
    given += fmt::format("{},", key.name);
  }
  for (const RecipeKey& key : recipe_keys()) {
    if (key.section == kSection && key.required &&
        given.find(fmt::format(",{},", key.name)) == std::string::npos) {
      fail(ErrorKind::kUsage, "--shape: {} is missing: {}", key.name, key.meaning);
    }
  }
  return config_of(recipe.model.architecture);
}

}  // namespace

ModelConfig shape_of(const std::string& text) {
  if (text.find('=') != std::string::npos) return shape_from_list(text);
  const std::filesystem::path path = text;
  if (std::filesystem::is_directory(path)) return read_config_and_sets(path).config;
  if (path.filename() == "config.json") return read_config_and_sets(path.parent_path()).config;
  return config_of(known_model(text));
}

}  // namespace ropeway
