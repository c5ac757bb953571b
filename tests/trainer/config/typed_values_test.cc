// Words and the values they stand for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/trainer/config/recipe_text.h"
#include "trainer/config/dtype_words.h"
#include "trainer/config/recipe.h"
#include "trainer/config/recipe_writer.h"

namespace ropeway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

template <typename Value>
class WordsOf : public ::testing::Test {};
using Enums = ::testing::Types<DeviceKind, DType, Placement, ActivationsPlace, SlidingWindowPolicy, StageKind,
                               EvaluatedModel, LearningRateSchedule, SearchSeeds, SeedGrid, SearchRefine,
                               SearchFitness, NeedleDepth, TemperaturePolicy, EvaluateTask, Packing,
                               DocumentMask, MarkChoice, ChatFormatName>;
TYPED_TEST_SUITE(WordsOf, Enums);

TYPED_TEST(WordsOf, AreEachForOneValue) {
  std::set<std::string_view> words;
  std::set<TypeParam> values;
  for (const auto& [value, word] : ChoiceTable<TypeParam>::choices) {
    EXPECT_TRUE(words.insert(word).second) << word;
    // A value's first word is what it is called; others lead to it.
    if (values.insert(value).second) {
      EXPECT_EQ(word_of(value), word);
    }
    EXPECT_EQ(value_of<TypeParam>(word), value);
  }
  for (const char* other : {"", "nonsense", " "}) EXPECT_EQ(value_of<TypeParam>(other), std::nullopt);
}

TEST(ChoiceFields, OfAListAppend) {
  std::vector<EvaluateTask> tasks = {EvaluateTask::kPerplexity};
  const ChoiceField field(&tasks);
  EXPECT_TRUE(field.store("passkey"));
  EXPECT_FALSE(field.store("needle"));
  EXPECT_THAT(field.words(), ElementsAre("perplexity", "passkey"));
  field.clear_list();
  EXPECT_THAT(tasks, IsEmpty());
}

TEST(ChoiceFields, WithoutAWordAreNotWritten) {
  EvaluatedModel model = EvaluatedModel::kCurrent;
  const ChoiceField field(&model);
  EXPECT_THAT(field.words(), IsEmpty());
  EXPECT_TRUE(field.store("base"));
  EXPECT_EQ(model, EvaluatedModel::kBase);
}

TEST(DTypeWords, OfOtherProgramsAreTakenOnCommandLinesOnly) {
  EXPECT_EQ(dtype_of_word("f16"), DType::kF16);
  EXPECT_EQ(dtype_of_word("f32"), DType::kF32);
  EXPECT_EQ(dtype_of_word("f64"), DType::kF64);
  EXPECT_EQ(dtype_of_word("bf16"), DType::kBF16);
  EXPECT_EQ(dtype_of_word("BF16"), std::nullopt);
  const auto result = parse_text(replaced(kGoodRecipe, "seed: 7", "dtype: f32"));
  EXPECT_THAT(result.errors, ElementsAre(HasSubstr("dtype: found f32, wanted fp32, bf16 or fp64")));
}

TEST(DTypeWords, OfAKeyMayBeFewerThanTheTypesThereAre) {
  EXPECT_THAT(parse_text(replaced(kGoodRecipe, "seed: 7", "dtype: fp16")).errors,
              ElementsAre(HasSubstr("dtype: found fp16, wanted fp32, bf16 or fp64")));
  EXPECT_THAT(parse_text(replaced(kGoodRecipe, "    learning_rate: 1e-3", "    moments: fp64")).errors,
              ElementsAre(HasSubstr("moments: found fp64, wanted fp32 or bf16")));
}

RecipeResult with_temperature(const std::string& text) {
  return parse_text(
      replaced(kGoodRecipe, "    length: 2K\n", "    length: 2K\n    temperature: " + text + "\n"));
}

TEST(Temperature, IsAPolicyOrANumber) {
  const auto policy = with_temperature("yarn");
  ASSERT_THAT(policy.errors, IsEmpty());
  EXPECT_EQ(policy.recipe.stages[0].search().temperature.policy, TemperaturePolicy::kYarn);
  const auto number = with_temperature("1.13");
  ASSERT_THAT(number.errors, IsEmpty());
  EXPECT_EQ(number.recipe.stages[0].search().temperature.policy, TemperaturePolicy::kNumber);
  EXPECT_EQ(number.recipe.stages[0].search().temperature.number, 1.13);
  EXPECT_THAT(recipe_to_yaml(number.recipe), HasSubstr("temperature: 1.13\n"));
}

TEST(Temperature, OfOtherFormIsRefused) {
  for (const char* text : {"SU", "1.1x", "-1", "0", "nan", "inf", "\"1.5\"", "number"}) {
    EXPECT_THAT(with_temperature(text).errors,
                ElementsAre(HasSubstr("wanted search, su, yarn, or a number above 0 and at most 100")))
        << text;
  }
}

TEST(TypedValues, TextAndHowItIsCut) {
  std::string text = kGoodRecipe;
  const size_t at = text.find("  train: ");
  ASSERT_NE(at, std::string::npos);
  const size_t end = text.find('\n', at);
  text.replace(at, end - at,
               "  train: [a.txt, {path: b/*.jsonl, weight: 2.5}, {path: c.txt}]\n  packing: documents\n"
               "  document_mask: documents\n  bos: true\n  eos: false\n  chat_template: llama3.1");
  const RecipeResult result = parse_text(text);
  ASSERT_THAT(result.errors, ::testing::IsEmpty());
  const DataRecipe& data = result.recipe.data;
  EXPECT_EQ(data.train, (std::vector<TextSource>{{"a.txt", 1}, {"b/*.jsonl", 2.5}, {"c.txt", 1}}));
  EXPECT_EQ(data.packing, Packing::kDocuments);
  EXPECT_EQ(data.document_mask, DocumentMask::kDocuments);
  EXPECT_EQ(data.chat_template, ChatFormatName::kLlama31);
  EXPECT_EQ(data.bos, MarkChoice::kTrue);
  EXPECT_EQ(data.eos, MarkChoice::kFalse);
  const DataRecipe plain = parse_text(kGoodRecipe).recipe.data;
  EXPECT_EQ(plain.packing, Packing::kConcat);
  EXPECT_EQ(plain.document_mask, DocumentMask::kNone);
  EXPECT_EQ(plain.chat_template, ChatFormatName::kAuto);
  EXPECT_EQ(plain.bos, MarkChoice::kAuto);
}

TEST(TypedValues, ControlsAreAListOrAllOfThem) {
  const auto controls = [](const std::string& value) {
    return parse_text(replaced(kGoodRecipe, "    lengths:", "    controls: " + value + "\n    lengths:"))
        .recipe.stages[2]
        .evaluate()
        .controls;
  };
  EXPECT_EQ(controls("true").size(), 4u);
  EXPECT_TRUE(controls("false").empty());
  EXPECT_EQ(controls("[repetition, crop]"),
            (std::vector<ControlKind>{ControlKind::kRepetition, ControlKind::kCrop}));
}

}  // namespace
}  // namespace ropeway
