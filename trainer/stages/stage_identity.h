// What makes the result of a stage what it is, as named parts: its options, what of the recipe it goes by,
// the model and texts it reads by their content, the tokenizer, and what stages before it made. Two stages
// with equal identities have equal results, within rounding; how often is saved, on how many ranks and in
// which folder is no part of it.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace ropeway {

enum class IdentityKind {
  kOption,  // a key of the stage
  kRecipe,  // a key beside the stages: "seed", "data.packing"
  kModel,   // a file of the model the recipe begins with; "weights": all of them
  kTokenizer,
  kTrainText,
  kValidationText,
  kTestText,
  kFile,  // named by an option
};
inline constexpr IdentityKind kIdentityKinds[] = {IdentityKind::kOption,    IdentityKind::kRecipe,
                                                  IdentityKind::kModel,     IdentityKind::kTokenizer,
                                                  IdentityKind::kTrainText, IdentityKind::kValidationText,
                                                  IdentityKind::kTestText,  IdentityKind::kFile};
std::string_view word_of(IdentityKind kind);  // "option", "train text", ...

struct IdentityPart {
  IdentityKind kind = IdentityKind::kOption;
  std::string key;
  std::string value;        // as the recipe writes it, or a SHA-256
  bool is_default = false;  // what a recipe without the key has: a record from before the key is no other
  bool operator==(const IdentityPart&) const = default;
};

// Something that an earlier stage made and this one starts from.
struct StageInput {
  std::string what;   // "weights", "factors searched_8k", "figures"
  std::string maker;  // a stage
  std::string made;   // StageRecord::result of the maker; empty: not made yet
  bool operator==(const StageInput&) const = default;
};

struct StageIdentity {
  std::vector<IdentityPart> parts = {};
  std::vector<StageInput> inputs = {};
  std::vector<IdentityKind> unknown = {};  // not compared: files that are not there
  bool operator==(const StageIdentity&) const = default;

  const std::string& option(const std::string& key) const;  // "" where there is none
};

// Training goes on when its steps are raised: they are not in what its checkpoints are bound to.
inline constexpr const char* kStepsKey = "steps";

// SHA-256 of all but the option `steps`.
std::string binding_of(const StageIdentity& identity);

// JSON, one line per part. Reading throws kBadData naming `where`.
std::string identity_to_json(const StageIdentity& identity);
StageIdentity identity_from_json(const std::string& text, const std::string& where);

}  // namespace ropeway
