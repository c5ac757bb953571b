#include "trainer/stages/stage_identity.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "trainer/files/files.h"

namespace ropeway {
namespace {

using Json = nlohmann::ordered_json;

IdentityKind kind_of(const std::string& word) {
  for (const IdentityKind kind : kIdentityKinds) {
    if (word_of(kind) == word) return kind;
  }
  throw std::invalid_argument(fmt::format("no part is called {}", word));
}

}  // namespace

std::string_view word_of(IdentityKind kind) {
  switch (kind) {
    case IdentityKind::kOption:
      return "option";
    case IdentityKind::kRecipe:
      return "recipe";
    case IdentityKind::kModel:
      return "model";
    case IdentityKind::kTokenizer:
      return "tokenizer";
    case IdentityKind::kTrainText:
      return "train text";
    case IdentityKind::kValidationText:
      return "validation text";
    case IdentityKind::kTestText:
      return "test text";
    case IdentityKind::kFile:
      return "file";
  }
  return "";
}

const std::string& StageIdentity::option(const std::string& key) const {
  static const std::string none;
  for (const IdentityPart& part : parts) {
    if (part.kind == IdentityKind::kOption && part.key == key) return part.value;
  }
  return none;
}

std::string binding_of(const StageIdentity& identity) {
  StageIdentity bound = identity;
  std::erase_if(bound.parts, [](const IdentityPart& part) {
    return part.kind == IdentityKind::kOption && part.key == kStepsKey;
  });
  return sha256_of(nlohmann::json::parse(identity_to_json(bound)).dump());  // keys sorted
}

std::string identity_to_json(const StageIdentity& identity) {
  Json json{{"parts", Json::object()}, {"inputs", Json::array()}};
  for (const IdentityPart& part : identity.parts) json["parts"][word_of(part.kind)][part.key] = part.value;
  for (const StageInput& input : identity.inputs) {
    json["inputs"].push_back({{"what", input.what}, {"stage", input.maker}, {"made", input.made}});
  }
  for (const IdentityKind kind : identity.unknown) json["unknown"].push_back(word_of(kind));
  return json.dump(1);
}

StageIdentity identity_from_json(const std::string& text, const std::string& where) {
  try {
    const Json json = Json::parse(text);
    StageIdentity identity;
    for (const auto& [word, keys] : json.at("parts").items()) {
      const IdentityKind kind = kind_of(word);
      for (const auto& [key, value] : keys.items()) {
        identity.parts.push_back({.kind = kind, .key = key, .value = value.get<std::string>()});
      }
    }
    for (const Json& input : json.at("inputs")) {
      identity.inputs.push_back({.what = input.at("what").get<std::string>(),
                                 .maker = input.at("stage").get<std::string>(),
                                 .made = input.at("made").get<std::string>()});
    }
    for (const Json& word : json.value("unknown", Json::array())) {
      identity.unknown.push_back(kind_of(word.get<std::string>()));
    }
    return identity;
  } catch (const std::exception& error) {
    fail(ErrorKind::kBadData, "{}: {}", where, error.what());
  }
}

}  // namespace ropeway
