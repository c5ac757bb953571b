// What a person is told of an export's two lists.
#include "launch/export_words.h"

#include <gmock/gmock.h>

#include "tests/support/model_shape.h"

namespace ropeway {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const ModelConfig kConfig = make_config({.window = 8192});
const FactorSet kTuned =
    make_factor_set({.name = "tuned", .max_length = 65536, .window = 8192, .factors = {1, 8}});

std::vector<std::string> words(ExportFormat format, const ExportRequest& request,
                               const std::vector<FactorSet>& sets = {kTuned}) {
  return use_words(format, choose_export_factors(kConfig, sets, request).front(), kConfig);
}

TEST(ExportWords, TellWhichListIsTakenWhenAndTheOtherUse) {
  EXPECT_THAT(words(ExportFormat::kHf, {}),
              ElementsAre(AllOf(HasSubstr("For generation: 'tuned' at every length"), HasSubstr("'none'"),
                                HasSubstr("--for scoring")),
                          AllOf(HasSubstr("vLLM stops at 8K tokens"), HasSubstr("(give 65536)"))));
  EXPECT_THAT(words(ExportFormat::kHf, {.use = ExportUse::kScoring}),
              ElementsAre(AllOf(HasSubstr("'none' up to 8K tokens, 'tuned' beyond"),
                                HasSubstr("--for generation writes 'tuned'")),
                          HasSubstr("--max-model-len beyond 8K (give 65536)")));
}

TEST(ExportWords, OfAGgufFileAreOfLlamaCpp) {
  EXPECT_THAT(words(ExportFormat::kGguf, {.use = ExportUse::kScoring}),
              ElementsAre(AllOf(HasSubstr("(-c divided by -np) is longer than 8K"),
                                HasSubstr("Give -c 65536"), Not(HasSubstr("transformers")))));
  EXPECT_THAT(
      words(ExportFormat::kGguf, {.use = ExportUse::kGeneration}),
      ElementsAre(AllOf(HasSubstr("'tuned' in llama.cpp whatever its context"), HasSubstr("--for scoring"))));
}

TEST(ExportWords, AreNoneWhereThereIsOneList) {
  EXPECT_THAT(words(ExportFormat::kHf, {.factors = "none"}), IsEmpty());
  EXPECT_THAT(words(ExportFormat::kHf, {.short_factors = "tuned"}), IsEmpty());
  FactorSet only_set = kTuned;
  only_set.history.method = kTunedMethod;  // and so the one that is right below the window too
  EXPECT_THAT(words(ExportFormat::kHf, {}, {only_set}), IsEmpty());
}

}  // namespace
}  // namespace ropeway
