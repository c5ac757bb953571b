// What other programs make of attention temperatures, and the formula's in their place.
#include "trainer/formats/hf/export_temperature.h"

#include <gmock/gmock.h>

#include "tests/support/model_shape.h"
#include "trainer/rope/schedules.h"

namespace ropeway {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

FactorSet set_of(const std::string& name, int64_t max_length, double temperature) {
  return make_factor_set(
      {.name = name, .max_length = max_length, .factors = {1, 8}, .temperature = temperature});
}

const FactorSet kNear = set_of("readjusted", 256, 1.0625), kFar = set_of("8x", 2048, 1.25);

ExportFactors chosen(const ExportRequest& request, const ModelConfig& config = make_config({})) {
  return choose_export_factors(config, {kFar, kNear}, request).front();
}

TEST(ExportTemperature, OneForAllLengthsIsWarnedOf) {
  const auto warning = [](const ExportRequest& request, const char* reader) {
    return temperature_warning(make_config({}), chosen(request), reader);
  };
  for (const char* reader : {"transformers", "llama.cpp"}) {
    EXPECT_THAT(warning({.factors = "8x"}, reader),
                AllOf(HasSubstr("at most 256 tokens"), HasSubstr("'readjusted'"), HasSubstr("1.0625"),
                      HasSubstr("'8x', 1.25"), HasSubstr(std::string(reader) + " has one for all lengths")));
    EXPECT_EQ(warning({.factors = "8x", .short_factors = "8x"}, reader), "");
    EXPECT_EQ(warning({.use = ExportUse::kGeneration}, reader), "");
    EXPECT_EQ(warning({.max_length = 256}, reader), "");
    EXPECT_EQ(warning({.factors = "none"}, reader), "");
  }
}

// What transformers computes for Phi-3.5-mini-128k, whose config.json states no temperature.
TEST(ExportTemperature, TheFormulaIsThatOfPhi3) {
  ModelConfig config = make_config({.family = "phi3", .window = 4096});
  EXPECT_DOUBLE_EQ(formula_temperature(config, {.short_set = {}, .long_set = {}, .max_length = 131072}),
                   1.1902380714238083);
  EXPECT_DOUBLE_EQ(formula_temperature(config, {.short_set = {}, .long_set = {}, .max_length = 4096}), 1);
}

TEST(ExportTemperature, OnlyPhi3sHasToBeTheFormulas) {
  const ModelConfig phi3 = make_config({.family = "phi3"});
  ExportFactors factors = chosen({});
  EXPECT_TRUE(only_transformers5_reads(phi3, factors));
  EXPECT_FALSE(only_transformers5_reads(make_config({}), factors));
  EXPECT_FALSE(only_transformers5_reads(phi3, chosen({.factors = "none"})));
  EXPECT_TRUE(take_formula_temperature(phi3, factors));
  EXPECT_FALSE(only_transformers5_reads(phi3, factors));
  const double formula = attention_temperature(TemperatureFormula::kSu, 8, 256);
  EXPECT_EQ(factors.long_set->attention_temperature, formula);
  EXPECT_EQ(factors.short_set.attention_temperature, formula);
  EXPECT_FALSE(take_formula_temperature(phi3, factors));
}

}  // namespace
}  // namespace ropeway
