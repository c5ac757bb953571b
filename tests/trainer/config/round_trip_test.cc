// The resolved recipe: every key is written, and reading it gives the same recipe again.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/trainer/config/recipe_text.h"
#include "trainer/config/recipe_keys.h"
#include "trainer/config/recipe_writer.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Every value of a recipe through the table, so that a key added there is compared here.
std::string all_values(Recipe recipe) {
  std::string out;
  const auto add = [&](const RecipeKey& key, const Field& field) {
    out += std::string(key.section) + "." + std::string(key.name) + " = ";
    std::visit(
        [&](auto value) {
          using Value = std::remove_pointer_t<decltype(value)>;
          if constexpr (std::is_same_v<Value, ChoiceField>) {
            for (const std::string& word : value.words()) out += word + "|";
          } else if constexpr (std::is_same_v<Value, TemperatureChoice>) {
            out += fmt::format("{} {:a}", word_of(value->policy), value->number);
          } else if constexpr (std::is_same_v<Value, Cadence>) {
            out += fmt::format("{} steps {:a} s", value->steps, value->seconds);
          } else if constexpr (std::is_same_v<Value, std::string>) {
            out += *value;
          } else if constexpr (std::is_same_v<Value, double>) {
            out += fmt::format("{:a}", *value);
          } else if constexpr (std::is_arithmetic_v<Value>) {
            out += fmt::format("{}", *value);
          } else if constexpr (std::is_same_v<Value, std::vector<TextSource>>) {
            for (const TextSource& item : *value) out += fmt::format("{} {:a}|", item.path, item.weight);
          } else {
            for (const auto& item : *value) out += fmt::format("{}|", item);
          }
        },
        field);
    out += "\n";
  };
  for (const RecipeKey& key : recipe_keys()) {
    if (key.in_recipe != nullptr) add(key, key.in_recipe(recipe));
  }
  for (StageRecipe& stage : recipe.stages) {
    for (const RecipeKey& key : recipe_keys()) {
      if (key.in_stage != nullptr && is_for(key, stage.kind())) add(key, key.in_stage(stage));
    }
  }
  return out;
}

void expect_round_trip(const RecipeResult& first) {
  ASSERT_THAT(first.errors, IsEmpty());
  const std::string written = recipe_to_yaml(first.recipe);
  const auto second = parse_text(written);
  ASSERT_THAT(second.errors, IsEmpty()) << written;
  EXPECT_EQ(all_values(second.recipe), all_values(first.recipe));
  EXPECT_EQ(recipe_to_yaml(second.recipe), written);
}

TEST(RoundTrip, GoodRecipe) { expect_round_trip(parse_text(kGoodRecipe)); }
TEST(RoundTrip, KeepBytesMayBeAutoOrNone) {
  for (const auto& [text, value] :
       {std::pair<const char*, int64_t>{"auto", -1}, {"0", 0}, {"5000000000", 5000000000}}) {
    std::string recipe = kGoodRecipe;
    const size_t at = recipe.find("seed: 7");
    ASSERT_NE(at, std::string::npos);
    recipe.insert(at, fmt::format("engine: {{keep_bytes: {}}}\n", text));
    const auto result = parse_text(recipe);
    ASSERT_THAT(result.errors, IsEmpty());
    EXPECT_EQ(result.recipe.engine.keep_bytes, value);
    EXPECT_THAT(recipe_to_yaml(result.recipe), HasSubstr(fmt::format("keep_bytes: {}", text)));
    expect_round_trip(result);
  }
}
TEST(RoundTrip, NewModel) { expect_round_trip(parse_text(kNewModelRecipe)); }

TEST(RoundTrip, ShippedRecipes) {
  for (const auto& entry : std::filesystem::directory_iterator(ROPEWAY_SOURCE_DIR "/configs")) {
    if (entry.path().extension() != ".yaml") continue;
    SCOPED_TRACE(entry.path());
    expect_round_trip(parse_recipe(entry.path()));
  }
}

TEST(RoundTrip, TextsThatYamlWouldTakeForSomethingElse) {
  for (const std::string text :
       {"no",         "null",        "~",        "010",         "1e3",    "a: b",  "a #b", "[x]",  "it's",
        "\"quoted\"", "back\\slash", " spaces ", "caf\xc3\xa9", "- dash", "*star", "&and", "!tag", "%x",
        "@at",        "`tick",       "a,b",      "tab\there",   "<<",     "?",     "-"}) {
    SCOPED_TRACE(text);
    auto result = parse_text(kGoodRecipe);
    result.recipe.run_dir = text;
    result.recipe.data.train = {{text}, {"plain"}, {text, 0.5}};
    expect_round_trip(result);
  }
}

TEST(RoundTrip, NumbersKeepAllTheirBits) {
  auto result = parse_text(kGoodRecipe);
  auto& train = result.recipe.stages[1].train();
  train.learning_rate = 0.1 + 0.2;
  train.eps = 4.9406564584124654e-300;
  train.weight_decay = 1.0 / 3;
  result.recipe.seed = 9007199254740993u;  // 2^53 + 1
  expect_round_trip(result);
}

TEST(RoundTrip, EveryKeyIsWritten) {
  Recipe demo = parse_recipe(ROPEWAY_SOURCE_DIR "/configs/tiny_cpu.yaml").recipe;
  demo.model.original_window = 128;
  for (StageRecipe& stage : demo.stages) {
    if (stage.kind() == StageKind::kFinetune) stage.train().target = stage.train().skip_target = 16384;
  }
  EvaluateRecipe& evaluate = demo.stages[0].evaluate();
  evaluate.aligned_with = {16384};
  evaluate.benchmarks.requests = {"questions.jsonl"};
  evaluate.benchmarks.ruler = {RulerTask::kCommonWords};
  evaluate.benchmarks.ruler_questions = evaluate.benchmarks.ruler_questions_2 = "questions.json";
  evaluate.benchmarks.longppl_evaluator = "models/other";
  evaluate.benchmarks.max_short_loss = 0.01;
  evaluate.benchmarks.gate_against = "base";
  const std::string written =
      recipe_to_yaml(parse_recipe(ROPEWAY_SOURCE_DIR "/configs/tiny_base.yaml").recipe) +
      recipe_to_yaml(demo);
  for (const RecipeKey& key : recipe_keys()) {
    const bool left_out_when_empty = key.name == "sets" || (key.name == "model" && key.section == "stages");
    const size_t dot = key.name.find('.');  // "gate.against" is written as against, in a map
    const std::string name(dot == std::string_view::npos ? key.name : key.name.substr(dot + 1));
    if (!left_out_when_empty) {
      EXPECT_TRUE(written.find(name + ": ") != std::string::npos) << key.name;
    }
  }
}

TEST(RoundTrip, DefaultRunFolderIsResolved) {
  EXPECT_THAT(recipe_to_yaml(parse_text(kGoodRecipe).recipe), HasSubstr("run_dir: runs/demo\n"));
}

}  // namespace
}  // namespace ropeway
