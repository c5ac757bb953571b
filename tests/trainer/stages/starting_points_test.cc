// Models that were extended before they came here, in every way that config.json describes: search, fine-tune
// and evaluate go on from there. Short sequences under long factors. Whose sets are whose after a fine-tune.
#include <nlohmann/json.hpp>

#include "parallel/comm/world_of_one.h"
#include "tests/support/small_model.h"
#include "tests/trainer/stages/run_recipe.h"
#include "tests/trainer/stages/stage_case.h"
#include "trainer/family/families.h"
#include "trainer/formats/hf/export_factors.h"
#include "trainer/formats/hf/hf_config.h"
#include "trainer/formats/hf/save_model_dir.h"
#include "trainer/rope/auto_factors.h"
#include "trainer/stages/factor_names.h"
#include "trainer/stages/recipe_model.h"
#include "trainer/tokenizer/byte_tokenizer_json.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::IsEmpty;

constexpr int64_t kWindow = 32;

// A config.json of a few thousand weights with a byte-level vocabulary; `more` adds to it or replaces keys.
json config_json(const std::string& family, const json& more) {
  json config = {{"model_type", family},     {"vocab_size", 258},      {"hidden_size", 16},
                 {"intermediate_size", 24},  {"num_hidden_layers", 1}, {"num_attention_heads", 2},
                 {"num_key_value_heads", 1}, {"head_dim", 8},          {"max_position_embeddings", kWindow},
                 {"rms_norm_eps", 1e-5},     {"rope_theta", 10000.0},  {"bos_token_id", 256},
                 {"eos_token_id", 257},      {"pad_token_id", 257},    {"hidden_act", "silu"}};
  config.update(more);
  return config;
}

// Random weights for it, in folder/model.
void write_model(const TempDir& folder, const json& config) {
  const fs::path path = folder / "model";
  fs::create_directories(path);
  write_bytes(path / "config.json", config.dump());
  Weights weights(read_hf_config(path / "config.json").config);
  for (std::vector<float>& values : weights.values) {
    for (float& value : values) value *= 0.1F;
  }
  write_safetensors(path / "model.safetensors", weights.tensors());
  write_bytes(path / "tokenizer.json", byte_tokenizer_json({"<s>", "</s>"}));
}

// Over folder/model, in folder/run. `model`: more keys of that section.
Recipe recipe_over(const TempDir& folder, const std::string& stages, const std::string& model = "") {
  const std::string text = (folder / "text.txt").string();
  write_bytes(folder / "recipe.yaml", "name: case\nseed: 1\nmodel: {path: " + (folder / "model").string() +
                                          model + "}\ndata: {train: [" + text + "], validation: [" + text +
                                          "], test: [" + text + "], cache: " + (folder / "cache").string() +
                                          "}\nrun_dir: " + (folder / "run").string() + "\nstages:\n" +
                                          stages);
  RecipeResult result = parse_recipe(folder / "recipe.yaml", {.overrides = {}, .ranks = 1});
  EXPECT_THAT(result.errors, IsEmpty());
  return result.recipe;
}

std::string search(const std::string& from, const std::string& makes, int64_t length) {
  return "  - {name: " + makes + ", kind: search, from: " + from + ", makes: " + makes +
         ", length: " + std::to_string(length) + ", documents: 1, finalist_documents: 1, refine: none}\n";
}
std::string tune(const std::string& from, const std::string& makes, int64_t length,
                 const std::string& more = "") {
  return "  - {name: " + makes + ", kind: finetune, from: " + from + ", makes: " + makes +
         ", length: " + std::to_string(length) + more +
         ", steps: 2, schedule: constant, learning_rate: 1e-3, checkpoint_every: 1}\n";
}
const std::string kScores =
    "  - {name: scores, kind: evaluate, lengths: [16, 64, 256], factors: [auto], tasks: [perplexity], "
    "windows: 1}\n";

struct Extended {
  const char* name;
  const char* family;
  const char* from;
  json keys;
  std::vector<double> factors = {};  // of `from`; empty: not compared
};

std::vector<Extended> extended_models() {
  const std::vector<double> four = {1, 1.5, 2.5, 4}, three = {1, 2, 4};
  const auto longrope = [](const std::vector<double>& short_list, const std::vector<double>& long_list) {
    return json{
        {"max_position_embeddings", 128},
        {"original_max_position_embeddings", kWindow},
        {"rope_scaling", {{"type", "longrope"}, {"short_factor", short_list}, {"long_factor", long_list}}}};
  };
  json phi4 = longrope({1, 1, 1}, three);
  phi4["partial_rotary_factor"] = 0.75;
  const json llama3 = {{"max_position_embeddings", 128},
                       {"rope_scaling",
                        {{"rope_type", "llama3"},
                         {"factor", 4},
                         {"low_freq_factor", 1},
                         {"high_freq_factor", 2},
                         {"original_max_position_embeddings", kWindow}}}};
  const auto scaled = [](const char* type) {
    return json{{"max_position_embeddings", 128},
                {"rope_scaling",
                 {{"rope_type", type}, {"factor", 4.0}, {"original_max_position_embeddings", kWindow}}}};
  };
  return {{"phi3_5_mini_128k", "phi3", "long", longrope({1, 1.01, 1.02, 1.03}, four), four},
          {"phi4_mini", "phi3", "long", phi4, three},
          {"llama3_1", "llama", "llama3", llama3},
          {"yarn", "qwen2", "yarn", scaled("yarn")},
          {"linear", "llama", "linear", scaled("linear"), {4, 4, 4, 4}}};
}

class StartingPoints : public testing::TestWithParam<Extended> {};

TEST_P(StartingPoints, GoOnFromTheSetThatTheirConfigDescribes) {
  const Extended& model = GetParam();
  const TempDir folder;
  write_text(folder, 4000);
  write_model(folder, config_json(model.family, model.keys));
  // Tuned at 128 tokens under the factors for 256: for Llama 3.1 that is its window.
  const std::string from = model.from;
  const Recipe recipe = recipe_over(
      folder,
      search(from, "wide", 256) + tune("wide", "tuned", 128) + kScores +
          "  - {name: short, kind: readjust, from: tuned, makes: short_set, length: 16, documents: 1, "
          "finalist_documents: 1, refine: none}\n");
  EXPECT_THAT(errors_against_model(recipe, model_of(recipe)), IsEmpty());
  const FactorSet start = *find_factor_set(model_of(recipe).sets, from);
  if (!model.factors.empty()) {
    EXPECT_EQ(start.factors, model.factors);
  }
  const auto world = make_world_of_one();
  run_recipe(recipe, *world, {});

  const ModelDir made = open_model_dir(folder / "run/model");
  const FactorSet &wide = *find_factor_set(made.sets, "wide"), &tuned = *find_factor_set(made.sets, "tuned");
  EXPECT_EQ(wide.max_length, 256);
  EXPECT_EQ(wide.history.parent, from);
  for (size_t i = 0; i < start.factors.size(); ++i) EXPECT_GE(wide.factors[i], start.factors[i] - 1e-9) << i;
  EXPECT_EQ(tuned.factors, wide.factors);
  EXPECT_EQ(tuned.max_length, 256);  // of its factors, not of its sequences
  EXPECT_FALSE(is_for_weights(*find_factor_set(made.sets, from), made.weights));
  EXPECT_EQ(resolve_factors("auto", 64, made.config, made.sets, made.weights).name, "tuned");
  EXPECT_EQ(resolve_factors("auto", 16, made.config, made.sets, made.weights).name, "short_set");
}

INSTANTIATE_TEST_SUITE_P(Models, StartingPoints, testing::ValuesIn(extended_models()),
                         [](const auto& info) { return std::string(info.param.name); });

// What a config.json of the family says beside the shape; small.
json keys_of(const std::string& family) {
  json keys = {{"max_position_embeddings", kWindow}, {"sliding_window", nullptr}};
  if (family.starts_with("gemma")) {  // a local layer and a global one
    keys.update(json{{"sliding_window", 8},
                     {"sliding_window_pattern", 2},
                     {"num_hidden_layers", 2},
                     {"hidden_act", "gelu_pytorch_tanh"},
                     {"hidden_activation", "gelu_pytorch_tanh"},
                     {"query_pre_attn_scalar", 8}});
  }
  if (family == "smollm3") keys.update(json{{"num_hidden_layers", 2}, {"no_rope_layer_interval", 2}});
  if (family == "granite") keys.update(json{{"embedding_multiplier", 2}, {"residual_multiplier", 0.5}});
  if (family == "mixtral") keys.update(json{{"num_local_experts", 3}, {"num_experts_per_tok", 2}});
  if (family == "qwen3_moe") {
    keys.update(json{{"num_experts", 3}, {"num_experts_per_tok", 2}, {"moe_intermediate_size", 8}});
  }
  return keys;
}

std::vector<std::string> all_families() {
  std::vector<std::string> names;
  for (const Family& family : families()) names.emplace_back(family.model_type);
  return names;
}

// LongRoPE tunes Mistral on sequences of 16K under factors for 128K and then for 256K.
class ShortTuning : public testing::TestWithParam<std::string> {};

TEST_P(ShortTuning, UnderFactorsForLongerSequencesWorksInEveryFamily) {
  const TempDir folder;
  write_text(folder, 4000);
  write_model(folder, config_json(GetParam(), keys_of(GetParam())));
  const Recipe recipe = recipe_over(folder, search("none", "wide", 128) + search("none", "wider", 256) +
                                                tune("wide", "tuned", 16) + tune("wider", "again", 16) +
                                                search("again", "further", 512));
  EXPECT_THAT(errors_against_model(recipe, model_of(recipe)), IsEmpty());
  const auto world = make_world_of_one();
  run_recipe(recipe, *world, {});
  const ModelDir made = open_model_dir(folder / "run/model");
  EXPECT_EQ(find_factor_set(made.sets, "tuned")->max_length, 128);
  EXPECT_EQ(find_factor_set(made.sets, "again")->max_length, 256);
  // What is found multiplies the factors of the second fine-tune, whose weights these are.
  const FactorSet &again = *find_factor_set(made.sets, "again"),
                  &further = *find_factor_set(made.sets, "further");
  for (size_t i = 0; i < again.factors.size(); ++i) EXPECT_GE(further.factors[i], again.factors[i] - 1e-9);
  EXPECT_EQ(further.weights, made.weights);
  EXPECT_EQ(again.weights, made.weights);
  EXPECT_NE(find_factor_set(made.sets, "tuned")->weights, made.weights);
}

INSTANTIATE_TEST_SUITE_P(Families, ShortTuning, testing::ValuesIn(all_families()),
                         [](const auto& info) { return info.param; });

// A formula can be tuned under like a set, also for longer sequences than the stage's, and again for longer ones:
// a rival of the search under the same budget.
class FormulaTuning : public testing::TestWithParam<std::string> {};

TEST_P(FormulaTuning, TunesUnderTheFormulasFactorsForTheTarget) {
  const std::string& formula = GetParam();
  const TempDir folder;
  write_text(folder, 4000);
  write_model(folder, config_json("llama", json::object()));
  const Recipe recipe = recipe_over(folder, tune(formula, "near", 64, ", target: 64") +
                                                tune(formula, "far", 64, ", target: 256") + kScores);
  EXPECT_THAT(errors_against_model(recipe, model_of(recipe)), IsEmpty());
  const auto world = make_world_of_one();
  run_recipe(recipe, *world, {});
  const ModelDir made = open_model_dir(folder / "run/model");
  for (const auto& [name, length] : {std::pair<std::string, int64_t>{"near", 64}, {"far", 256}}) {
    const FactorSet& set = *find_factor_set(made.sets, name);
    EXPECT_EQ(set.max_length, length);
    EXPECT_EQ(set.history.parent, formula);
    // Evaluation's own reading of the name.
    const FactorSet computed = resolve_factors(formula, length, made.config, {});
    EXPECT_EQ(set.factors, computed.factors);
    EXPECT_EQ(set.attention_temperature, computed.attention_temperature);
  }
  EXPECT_EQ(resolve_factors("auto", 256, made.config, made.sets, made.weights).name, "far");
}

INSTANTIATE_TEST_SUITE_P(Formulas, FormulaTuning, testing::Values("pi", "ntk", "yarn", "cope", "drope"),
                         [](const auto& info) { return info.param; });

class WhoseSets : public testing::Test {
 protected:
  WhoseSets() {
    write_text(folder_, 4000);
    write_model(folder_, config_json("llama", json::object()));
  }
  void run(const Recipe& recipe, const std::vector<std::string>& only = {}) {
    const auto world = make_world_of_one();
    run_recipe(recipe, *world, {.only_stages = only});
  }
  ModelDir made() const { return open_model_dir(folder_ / "run/model"); }

  TempDir folder_;
};

TEST_F(WhoseSets, AFineTuneMakesEarlierOnesHistory) {
  const Recipe recipe = recipe_over(
      folder_, search("none", "wide", 128) + search("none", "wider", 256) + tune("wide", "tuned", 64));
  run(recipe, {"wide", "wider"});
  const ModelDir before = made();
  EXPECT_FALSE(before.weights.empty());
  for (const FactorSet& set : before.sets) EXPECT_EQ(set.weights, before.weights) << set.name;
  EXPECT_EQ(resolve_factors("auto", 256, before.config, before.sets, before.weights).name, "wider");
  EXPECT_EQ(resolve_factors("auto", 32, before.config, before.sets, before.weights).name, "none");

  run(recipe);
  const ModelDir after = made();
  EXPECT_TRUE(after.weights.starts_with("tuned@")) << after.weights;
  EXPECT_EQ(after.sets.size(), 3u);  // kept
  EXPECT_EQ(find_factor_set(after.sets, "wider")->weights, before.weights);
  const auto chosen = [&](int64_t length) {
    return resolve_factors("auto", length, after.config, after.sets, after.weights);
  };
  EXPECT_EQ(chosen(16).name, "tuned");
  EXPECT_EQ(chosen(256).name, "tuned");
  EXPECT_THAT(beyond_longest_set(chosen(256), 256), testing::HasSubstr("no factor set is for 256 tokens"));
  EXPECT_EQ(beyond_longest_set(chosen(128), 128), "");
  // Export agrees, and takes history when it is named.
  const auto lengths = choose_export_factors(after.config, after.sets, {.weights = after.weights});
  ASSERT_EQ(lengths.size(), 1u);
  EXPECT_EQ(lengths[0].max_length, 128);
  EXPECT_EQ(lengths[0].short_set.name, "tuned");
  EXPECT_EQ(choose_export_factors(after.config, after.sets, {.factors = "wider", .weights = after.weights})
                .at(0)
                .long_set->name,
            "wider");
  // So does config.json, which other programs read.
  const ParsedConfig shown = read_hf_config(folder_ / "run/model/config.json");
  ASSERT_EQ(shown.sets.size(), 2u);
  EXPECT_EQ(shown.sets[0].factors, find_factor_set(after.sets, "tuned")->factors);
  EXPECT_EQ(shown.sets[1].max_length, 128);
}

// Short windows under the original RoPE beside the others: within the original window it stays right, for auto, for
// exports and for config.json, and a readjust may start from it.
TEST_F(WhoseSets, AFineTuneOnMixedWindowsKeepsTheOriginalRope) {
  std::string mixed = tune("wide", "tuned", 64);
  mixed.insert(mixed.find("}"), ", batch_sequences: 2, mix: {short: 50%}");
  run(recipe_over(folder_,
                  search("none", "wide", 128) + mixed +
                      "  - {name: short, kind: readjust, from: none, makes: short, length: 16, documents: "
                      "1, finalist_documents: 1, refine: none}\n"));
  const ModelDir after = made();
  EXPECT_EQ(find_factor_set(after.sets, "tuned")->history.short_share, 0.5);
  const auto chosen = [&](int64_t length) {
    return resolve_factors("auto", length, after.config, after.sets, after.weights).name;
  };
  EXPECT_EQ(chosen(16), "short");
  EXPECT_EQ(chosen(17), "none");
  EXPECT_EQ(chosen(kWindow), "none");
  EXPECT_EQ(chosen(kWindow + 1), "tuned");
  const auto deployments = choose_export_factors(after.config, after.sets, {.weights = after.weights});
  ASSERT_EQ(deployments.size(), 1u);
  EXPECT_EQ(deployments[0].short_set.name, "none");
  EXPECT_EQ(deployments[0].long_set->name, "tuned");
  const json shown = json::parse(read_bytes(folder_ / "run/model/config.json"));
  EXPECT_EQ(shown.at("rope_scaling").at("short_factor"), json::array({1.0, 1.0, 1.0, 1.0}));
}

TEST_F(WhoseSets, ARunThatGoesOnKnowsThem) {
  const Recipe recipe = recipe_over(
      folder_, search("none", "wide", 128) + tune("wide", "tuned", 64) + search("tuned", "further", 256));
  run(recipe, {"wide", "tuned"});
  const std::string weights = made().weights;
  run(recipe, {"further"});
  EXPECT_EQ(made().weights, weights);
  EXPECT_EQ(find_factor_set(made().sets, "further")->weights, weights);
  // A model folder of a run is the base of another one, and its names go along.
  fs::rename(folder_ / "run/model", folder_ / "next");
  fs::remove_all(folder_ / "model");
  fs::rename(folder_ / "next", folder_ / "model");
  fs::remove_all(folder_ / "run");
  // The validator and the run agree that the original RoPE is not theirs any more.
  const Recipe from_none = recipe_over(folder_, search("none", "more", 512));
  const std::string refused =
      "found none, the original RoPE, which the weights have been tuned away from, wanted "
      "tuned,";
  EXPECT_THAT(errors_against_model(from_none, model_of(from_none)),
              testing::ElementsAre(testing::HasSubstr(refused)));
  expect_error(ErrorKind::kConfig, {refused}, [&] { run(from_none); });
  EXPECT_FALSE(fs::exists(folder_ / "run"));
  run(recipe_over(folder_, search("tuned", "more", 512), ", sets: [tuned]"));
  EXPECT_EQ(made().weights, weights);
  EXPECT_EQ(find_factor_set(made().sets, "more")->weights, weights);
}

TEST_F(WhoseSets, ACheckpointIsOfTheFactorsItIsTunedUnder) {
  run(recipe_over(folder_, search("none", "wide", 128) + tune("wide", "tuned", 64)));
  const fs::path checkpoints = folder_ / "run/stages/tuned/checkpoints";
  const ModelDir opened = open_model_dir(checkpoints / "step-000002", "weights.safetensors");
  EXPECT_EQ(resolve_factors("auto", 16, opened.config, opened.sets, opened.weights).name, "tuned");
  EXPECT_FALSE(is_for_weights(*find_factor_set(opened.sets, "wide"), opened.weights));
}

// Qwen2 states 131,072 tokens and was trained at 32,768.
TEST_F(WhoseSets, TheRecipesOriginalWindowIsTheModels) {
  fs::remove_all(folder_ / "model");
  write_model(folder_, config_json("qwen2", {{"max_position_embeddings", 128}}));
  const Recipe recipe = recipe_over(folder_, search("none", "wide", 64), ", original_window: 32");
  EXPECT_THAT(errors_against_model(recipe, model_of(recipe)), IsEmpty());
  run(recipe);
  EXPECT_EQ(made().config.original_window, 32);
  const FactorSet& wide = *find_factor_set(made().sets, "wide");
  EXPECT_EQ(wide.original_length, 32);
  EXPECT_EQ(wide.scale(), 2);
  const json shown = json::parse(read_bytes(folder_ / "run/model/config.json"));
  EXPECT_EQ(shown.at("original_max_position_embeddings"), 32);
  EXPECT_EQ(shown.at("max_position_embeddings"), 64);
  EXPECT_EQ(choose_export_factors(made().config, made().sets, {.weights = made().weights}).at(0).max_length,
            64);
  const Recipe as_stated = recipe_over(folder_, search("none", "wide", 64));
  EXPECT_THAT(
      errors_against_model(as_stated, model_of(as_stated)),
      testing::ElementsAre(testing::HasSubstr("found 64, wanted more than the original window of 128")));
}

}  // namespace
}  // namespace ropeway
