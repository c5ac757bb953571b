// d loss / d log lambda and d loss / d log temperature against autograd of the plain model, whose angles are
// formed from the factors inside the graph, and against central differences of the engine's own loss.
#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <cmath>
#include <ostream>

#include "parallel/comm/world_of_one.h"
#include "tests/trainer/model/family_options.h"
#include "tests/trainer/model/model_case.h"

namespace ropeway::testing {
namespace {

FactorGradient engine_gradient(const ModelCase& c, at::ScalarType dtype = at::kDouble, int ranks = 1) {
  EngineRun run;
  run.dtype = dtype;
  run.factor_gradient = true;
  return run_on_threads(c, run, ranks).factors;
}

double engine_loss(const ModelCase& c) {
  EngineRun run;
  run.factor_gradient = true;
  return run_on_threads(c, run, 1).loss;
}

double norm(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return std::sqrt(sum);
}

struct Shape {
  std::string name;
  CaseOptions options;
  friend std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.name; }
};
class FactorGradientTest : public ::testing::TestWithParam<Shape> {};

// Within `tolerance` times what the gradients are measured against.
void expect_near_plain(const FactorGradient& found, const PlainResult& plain, double tolerance,
                       const PlainLlama::TermNorms& measure) {
  const at::Tensor expected = plain.log_factors.flatten();
  ASSERT_EQ(static_cast<int64_t>(found.log_factors.size()), expected.numel());
  for (int64_t i = 0; i < expected.numel(); ++i) {
    EXPECT_NEAR(found.log_factors[static_cast<size_t>(i)], expected[i].item<double>(),
                tolerance * measure.factors)
        << i;
  }
  EXPECT_NEAR(found.log_temperature, plain.log_temperature, tolerance * measure.temperature);
}

void expect_near_plain_in_double(const FactorGradient& found, const ModelCase& c) {
  const PlainResult plain = run_plain(c);
  expect_near_plain(found, plain, 1e-10,
                    {plain.log_factors.norm().item<double>(), std::abs(plain.log_temperature)});
}

TEST_P(FactorGradientTest, AgreesWithAutogradInDouble) {
  const ModelCase c = make_case(GetParam().options);
  expect_near_plain_in_double(engine_gradient(c), c);
}

// In binary32 a gradient is off by what its terms are rounded by, whatever is left of them when they cancel:
// by 6e-8 times the square root of the roundings between the loss and a term, some hundred in three layers, times
// the root of the sum of the terms' squares. That is 6e-7, and the bound is eight times as much.
TEST_P(FactorGradientTest, InFloatAgreesWithAutogradInDouble) {
  for (const uint64_t seed : {1, 2, 3, 4, 5}) {
    SCOPED_TRACE(seed);
    CaseOptions options = GetParam().options;
    options.seed = seed;
    const ModelCase c = make_case(options);
    const PlainResult plain = run_plain(c);
    expect_near_plain(engine_gradient(c, at::kFloat), plain, 5e-6, plain.term_norms);
  }
}

TEST_P(FactorGradientTest, OnFourRanksAgreesWithAutogradInDouble) {
  const ModelCase c = make_case(GetParam().options);
  expect_near_plain_in_double(engine_gradient(c, at::kDouble, 4), c);
}

// Richardson's combination of central differences of steps h and 2h, whose error goes as h^4.
double slope_of(const ModelCase& c, const std::function<void(FactorSet&, double)>& move, double h) {
  const auto difference = [&](double step) {
    ModelCase ahead = c, behind = c;
    move(ahead.factors, step);
    move(behind.factors, -step);
    return (engine_loss(ahead) - engine_loss(behind)) / (2 * step);
  };
  return (4 * difference(h) - difference(2 * h)) / 3;
}
void move_temperature(FactorSet& set, double step) { set.attention_temperature *= std::exp(step); }

// At 0.0003 that is below 1e-6 of the gradient, and so is the rounding of the loss, 1e-16 over h.
TEST_P(FactorGradientTest, AgreesWithCentralDifferences) {
  ModelCase c = make_case(GetParam().options);
  c.config.experts_per_token = c.config.num_experts;  // a choice of fewer makes the loss jump
  const FactorGradient found = engine_gradient(c);
  const auto slope = [&c](const std::function<void(FactorSet&, double)>& move) {
    return slope_of(c, move, 0.0003);
  };
  const double size = norm(found.log_factors);
  for (size_t i = 0; i < found.log_factors.size(); ++i) {
    const double expected = slope([i](FactorSet& set, double step) { set.factors[i] *= std::exp(step); });
    EXPECT_NEAR(found.log_factors[i], expected, 1e-6 * size) << i;
  }
  const double expected = slope(move_temperature);
  EXPECT_NEAR(found.log_temperature, expected, 1e-6 * std::abs(expected));
}

INSTANTIATE_TEST_SUITE_P(Shapes, FactorGradientTest,
                         ::testing::Values(Shape{"grouped_query", {}},
                                           Shape{"head_dim_16", {.heads = 2, .kv_heads = 1, .head_dim = 16}},
                                           Shape{"partial_rotary", {.family = "phi3", .rotary_dim = 6}},
                                           Shape{"head_norms", {.family = "qwen3", .qk_norm = true}},
                                           Shape{"start_tokens", {.start_tokens = 5, .temperature = 1.5}},
                                           Shape{"per_layer", {.layers = 3, .per_layer_factors = true}}),
                         [](const auto& info) { return info.param.name; });

std::vector<Shape> family_shapes() {
  std::vector<Shape> shapes;
  for (const FamilyOptions& family : family_options()) shapes.push_back({family.name, family.options});
  return shapes;
}
INSTANTIATE_TEST_SUITE_P(Families, FactorGradientTest, ::testing::ValuesIn(family_shapes()),
                         [](const auto& info) { return info.param.name; });

// What a larger step is off by is the differences' own error: it falls by 16 with every halving.
TEST(FactorGradientStepTest, DifferencesConvergeToItAsTheStepToTheFourth) {
  for (const Shape& shape : family_shapes()) {
    SCOPED_TRACE(shape.name);
    ModelCase c = make_case(shape.options);
    c.config.experts_per_token = c.config.num_experts;
    const double found = engine_gradient(c).log_temperature;
    const double coarse = slope_of(c, move_temperature, 0.02) - found;
    const double fine = slope_of(c, move_temperature, 0.01) - found;
    EXPECT_GT(coarse / fine, 12);
    EXPECT_LT(coarse / fine, 20);
  }
}

TEST(FactorGradientCostTest, FormsNoWeightGradients) {
  const ModelCase c = make_case({});
  auto world = make_world_of_one();
  EngineRun run;
  run.factor_gradient = true;
  EXPECT_EQ(run_engine(c, run, *world).flat_gradients.abs().max().item<double>(), 0);
}

TEST(FactorGradientCostTest, LossIsThatOfTrainingToTheLastBit) {
  const ModelCase c = make_case({});
  auto world = make_world_of_one();
  EngineRun run;
  const double trained = run_engine(c, run, *world).loss;
  run.factor_gradient = true;
  EXPECT_EQ(run_engine(c, run, *world).loss, trained);
}

}  // namespace
}  // namespace ropeway::testing
