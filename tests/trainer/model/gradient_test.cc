// Loss and every parameter's gradient against autograd of the plain model, over the shapes a decoder can
// have, and against central differences of the engine's own loss.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/trainer/model/model_case.h"

namespace ropeway::testing {
namespace {

struct Shape {
  const char* name;
  CaseOptions options;
};
void PrintTo(const Shape& shape, std::ostream* out) { *out << shape.name; }

EngineResult run_alone(const ModelCase& c, at::ScalarType dtype) {
  auto world = make_world_of_one();
  EngineRun run;
  run.dtype = dtype;
  return run_engine(c, run, *world);
}

class GradientTest : public ::testing::TestWithParam<Shape> {};

TEST_P(GradientTest, AgreesWithAutogradInDouble) {
  const ModelCase c = make_case(GetParam().options);
  const PlainResult plain = run_plain(c);
  const EngineResult found = run_alone(c, at::kDouble);
  EXPECT_NEAR(found.loss, plain.loss, 1e-12 * std::abs(plain.loss));
  EXPECT_LE(relative_error(found.nll, plain.nll), 1e-12);
  const WorstParameter worst = worst_parameter(c.config, found.flat_gradients, plain.flat_gradients);
  EXPECT_LE(worst.error, 1e-10) << worst.name;
}

TEST_P(GradientTest, InFloatAgreesWithAutogradInDouble) {
  const ModelCase c = make_case(GetParam().options);
  const PlainResult truth = run_plain(c);
  const EngineResult found = run_alone(c, at::kFloat);
  EXPECT_LE(relative_error(found.flat_gradients, truth.flat_gradients), 2e-6);
  EXPECT_LE(relative_error(found.nll, truth.nll), 1e-6);
}

TEST_P(GradientTest, AgreesWithCentralDifferences) {
  ModelCase c = make_case(GetParam().options);
  const EngineResult found = run_alone(c, at::kDouble);
  const at::Tensor direction = random_direction(c.config, 5);
  const double step = 1e-5;
  c.displacement = direction * step;
  const double ahead = run_alone(c, at::kDouble).loss;
  c.displacement = direction * -step;
  const double behind = run_alone(c, at::kDouble).loss;
  const double slope = found.flat_gradients.dot(direction).item<double>();
  EXPECT_NEAR((ahead - behind) / (2 * step), slope, 1e-7 * std::abs(slope) + 1e-9);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, GradientTest,
    ::testing::Values(Shape{"grouped_query", {}}, Shape{"multi_head", {.heads = 3, .kv_heads = 3}},
                      Shape{"multi_query", {.heads = 4, .kv_heads = 1}}, Shape{"tied", {.tied = true}},
                      Shape{"head_dim_16", {.hidden = 30, .heads = 2, .kv_heads = 1, .head_dim = 16}},
                      Shape{"head_dim_64",
                            {.hidden = 20, .heads = 2, .kv_heads = 2, .head_dim = 64, .intermediate = 131}},
                      Shape{"one_layer_one_sequence", {.layers = 1, .sequences = 1, .weighted = false}},
                      Shape{"odd_sizes",
                            {.layers = 3,
                             .hidden = 13,
                             .heads = 6,
                             .kv_heads = 2,
                             .intermediate = 7,
                             .vocab = 5,
                             .sequences = 3,
                             .length = 22}},
                      Shape{"start_tokens", {.start_tokens = 3, .temperature = 1.4}},
                      Shape{"per_layer_factors", {.per_layer_factors = true, .temperature = 0.9}}),
    [](const auto& info) { return info.param.name; });

TEST(GradientTest, OfTwoBatchesAreAdded) {
  const ModelCase c = make_case({});
  auto world = make_world_of_one();
  EngineRun twice;
  twice.repetitions = 2;
  const EngineResult one = run_engine(c, {}, *world), two = run_engine(c, twice, *world);
  EXPECT_LE(relative_error(two.flat_gradients, one.flat_gradients * 2), 1e-14);
}

TEST(GradientTest, OfAnUnscoredBatchIsZero) {
  ModelCase c = make_case({});
  c.labels.fill_(-100);
  c.loss_scale = 1;
  const EngineResult found = run_alone(c, at::kDouble);
  EXPECT_EQ(found.loss, 0);
  EXPECT_EQ(found.flat_gradients.abs().max().item<double>(), 0);
}

}  // namespace
}  // namespace ropeway::testing
