// The recipe: one YAML file describes model, data, mesh and an ordered list of stages. Plain structs; parsing
// is strict and collects every error before giving up (recipe_parser.h).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "trainer/config/data_choices.h"
#include "trainer/config/dtype_words.h"
#include "trainer/config/engine_recipe.h"
#include "trainer/config/recipe_place.h"
#include "trainer/config/stage_recipe.h"

namespace ropeway {

// Lengths beyond the sliding window that config.json gives: refused, attended to through the window, or in
// full.
enum class SlidingWindowPolicy { kRefuse, kHonour, kFull };
template <>
struct ChoiceTable<SlidingWindowPolicy> {
  using enum SlidingWindowPolicy;
  static constexpr Choice<SlidingWindowPolicy> choices[] = {
      {kRefuse, "refuse"}, {kHonour, "honour"}, {kFull, "full"}};
};

// model: either an existing directory, or the shape of a new one (only for a recipe that starts with
// pretrain).
struct ModelRecipe {
  std::string path;
  std::vector<std::string> sets;  // factor sets the directory already holds and stages may start from
  SlidingWindowPolicy sliding_window = SlidingWindowPolicy::kRefuse;
  int64_t original_window = 0;  // tokens the model was trained at; 0: what its config.json says
  struct Architecture {
    int64_t vocab_size = 258, hidden_size = 0, intermediate_size = 0, num_layers = 0;
    int64_t num_heads = 0, num_kv_heads = 0, head_dim = 0, window = 0;
    double rope_theta = 10000, rms_norm_eps = 1e-5, initializer_range = 0.02;
    bool tie_word_embeddings = true;
  } architecture;
  bool has_architecture = false;
};

// What the spelling of a special token in a document is: text like any other, or that token.
enum class SpecialTokensInText { kText, kParse };
template <>
struct ChoiceTable<SpecialTokensInText> {
  using enum SpecialTokensInText;
  static constexpr Choice<SpecialTokensInText> choices[] = {{kText, "text"}, {kParse, "parse"}};
};

struct DataRecipe {
  std::vector<TextSource> train;
  std::vector<std::string> validation, test;  // paths; * in the file name
  Packing packing = Packing::kConcat;         // of training sequences
  DocumentMask document_mask = DocumentMask::kNone;
  MarkChoice bos = MarkChoice::kAuto, eos = MarkChoice::kAuto;
  ChatFormatName chat_template = ChatFormatName::kAuto;
  int64_t max_document = int64_t{1} << 30;  // bytes, unpacked
  std::string cache = ".cache/tokens";
  SpecialTokensInText special_tokens = SpecialTokensInText::kText;
};

// Of the keys and what they mean. Another number comes with a change that recipes have to follow.
inline constexpr int64_t kRecipeVersion = 1;

struct Recipe {
  int64_t version = kRecipeVersion;
  std::string name, run_dir;
  DeviceKind device = DeviceKind::kCpu;
  DType dtype = DType::kF32;
  uint64_t seed = 0;
  ModelRecipe model;
  DataRecipe data;
  MeshRecipe mesh;
  EngineRecipe engine;
  std::vector<StageRecipe> stages;
  std::string source_file;
  // For messages only: "stages[1].length" -> place; the overrides as they were given.
  std::map<std::string, RecipePlace> places;
  // What a value was made from, where that is not what is written: "stages[1].steps" -> "environment: STEPS",
  // "run_dir" -> "derived from name".
  std::map<std::string, std::string> made_from;
  std::vector<std::string> overrides;
  std::string override_prefix;
};

}  // namespace ropeway
