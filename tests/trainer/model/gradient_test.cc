// Loss and every parameter's gradient against autograd of the plain model, over the shapes a decoder can
// have, and against central differences of the engine's own loss.
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <cmath>
#include <ostream>

#include "kernels/loss/cross_entropy.h"
#include "parallel/comm/world_of_one.h"
#include "tests/trainer/model/family_options.h"
#include "tests/trainer/model/model_case.h"

namespace ropeway::testing {
namespace {

struct Shape {
  std::string name;
  CaseOptions options;
  friend std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.name; }
};
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

// Richardson's combination of steps h and 2h: what is left of the truncation is of order h^4.
TEST_P(GradientTest, AgreesWithCentralDifferences) {
  const ModelCase c = make_case(GetParam().options);
  const EngineResult found = run_alone(c, at::kDouble);
  const at::Tensor direction = random_direction(c.config, 5);
  const auto difference = [&](double step) {
    ModelCase ahead = c, behind = c;
    ahead.displacement = direction * step;
    behind.displacement = direction * -step;
    return (run_alone(ahead, at::kDouble).loss - run_alone(behind, at::kDouble).loss) / (2 * step);
  };
  const double expected = (4 * difference(1e-5) - difference(2e-5)) / 3;
  const double slope = found.flat_gradients.dot(direction).item<double>();
  EXPECT_NEAR(slope, expected, 1e-7 * std::abs(expected) + 1e-9);
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
                      Shape{"qkv_biases", {.family = "qwen2", .qkv_bias = true}},
                      Shape{"all_biases", {.qkv_bias = true, .output_bias = true, .mlp_bias = true}},
                      Shape{"head_norms", {.family = "qwen3", .qk_norm = true}},
                      Shape{"head_norms_and_biases",
                            {.heads = 3,
                             .kv_heads = 1,
                             .head_dim = 10,
                             .family = "qwen3",
                             .qkv_bias = true,
                             .output_bias = true,
                             .qk_norm = true}},
                      Shape{"fused_partial_rotary", {.family = "phi3", .rotary_dim = 6}},
                      Shape{"start_tokens", {.start_tokens = 3, .temperature = 1.4}},
                      Shape{"per_layer_factors", {.per_layer_factors = true, .temperature = 0.9}}),
    [](const auto& info) { return info.param.name; });

std::vector<Shape> family_shapes() {
  std::vector<Shape> shapes;
  for (const FamilyOptions& family : family_options()) shapes.push_back({family.name, family.options});
  return shapes;
}
INSTANTIATE_TEST_SUITE_P(Families, GradientTest, ::testing::ValuesIn(family_shapes()),
                         [](const auto& info) { return info.param.name; });

TEST(GradientSumTest, OfTwoBatchesAreAdded) {
  const ModelCase c = make_case({});
  auto world = make_world_of_one();
  EngineRun twice;
  twice.repetitions = 2;
  const EngineResult one = run_engine(c, {}, *world), two = run_engine(c, twice, *world);
  EXPECT_LE(relative_error(two.flat_gradients, one.flat_gradients * 2), 1e-14);
}

TEST(GradientSumTest, OfAnUnscoredBatchIsZero) {
  ModelCase c = make_case({});
  c.labels.fill_(kIgnoredLabel);
  c.loss_scale = 1;
  const EngineResult found = run_alone(c, at::kDouble);
  EXPECT_EQ(found.loss, 0);
  EXPECT_EQ(found.flat_gradients.abs().max().item<double>(), 0);
}

}  // namespace
}  // namespace ropeway::testing
