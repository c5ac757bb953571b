// The model knows attention by its interface alone: with another implementation of it, and with batches whose
// sequences are several documents, the figures are the same.
#include <ATen/TensorOperators.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "parallel/attention/ring_attention.h"
#include "parallel/comm/thread_world.h"
#include "tests/parallel/mesh_attention.h"
#include "tests/parallel/reference_attention.h"
#include "tests/trainer/model/model_case.h"
#include "trainer/model/initial_weights.h"
#include "trainer/model/resident_parameters.h"

namespace ropeway::testing {
namespace {

std::unique_ptr<SequenceAttention> reference(Communicator& group, Placement placement) {
  return std::make_unique<ReferenceAttention>(group, placement);
}

class SecondAttention : public ::testing::TestWithParam<std::tuple<Placement, int>> {};

TEST_P(SecondAttention, GivesTheLossesAndGradientsOfTheRing) {
  const auto& [placement, ranks] = GetParam();
  const ModelCase c = make_case({.per_layer_factors = true, .start_tokens = 3});
  EngineRun run;
  run.placement = placement;
  const EngineResult ring = run_on_threads(c, run, ranks);
  run.make_attention = reference;
  const EngineResult other = run_on_threads(c, run, ranks);
  EXPECT_NEAR(other.loss, ring.loss, 1e-12 * ring.loss);
  EXPECT_LE(relative_error(other.nll, ring.nll), 1e-12);
  EXPECT_LE(worst_parameter(c.config, other.flat_gradients, ring.flat_gradients).error, 1e-10);
}

TEST_P(SecondAttention, GivesTheFactorGradientOfTheRing) {
  const auto& [placement, ranks] = GetParam();
  const ModelCase c = make_case({.per_layer_factors = true});
  EngineRun run;
  run.placement = placement;
  run.factor_gradient = true;
  const FactorGradient ring = run_on_threads(c, run, ranks).factors;
  run.make_attention = reference;
  const FactorGradient other = run_on_threads(c, run, ranks).factors;
  for (size_t i = 0; i < ring.log_factors.size(); ++i) {
    EXPECT_NEAR(other.log_factors[i], ring.log_factors[i], 1e-11);
  }
  EXPECT_NEAR(other.log_temperature, ring.log_temperature, 1e-11);
}

INSTANTIATE_TEST_SUITE_P(Ranks, SecondAttention,
                         ::testing::Combine(::testing::Values(Placement::kZigzag, Placement::kContiguous),
                                            ::testing::Values(1, 2, 4)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param) == Placement::kZigzag ? "Zigzag"
                                                                                            : "Contiguous") +
                                  std::to_string(std::get<1>(info.param));
                         });

struct Found {
  double loss = 0, nll = 0;
  at::Tensor gradients;
};

using MakeAttention = std::function<std::unique_ptr<SequenceAttention>(Communicator&)>;

// Loss and gradients of these sequences, summed over `ranks` ranks.
Found found_for(const ModelCase& c, const std::vector<std::vector<int32_t>>& tokens,
                const std::vector<SequenceSpec>& sequences, int ranks, const MakeAttention& make) {
  std::vector<Found> shares(static_cast<size_t>(ranks));
  run_thread_world(ranks, [&](Communicator& group) {
    const std::unique_ptr<SequenceAttention> attention = make(group);
    ResidentParameters store(c.config, at::kDouble);
    initialize_weights(store, c.config, 3);
    CausalLM model(c.config, store, *attention, {});
    const LocalBatch batch =
        make_local_batch(tokens, {}, SequenceLayout(attention->split(), sequences), at::kDouble);
    Found& found = shares[static_cast<size_t>(group.rank())];
    found.nll = model.evaluate(batch, c.factors).nll.sum().item<double>();
    found.loss = model.forward_backward(batch, c.factors, 0.1);
    found.gradients = store.flat_gradients().clone();
  });
  for (size_t r = 1; r < shares.size(); ++r) {
    shares[0].loss += shares[r].loss;
    shares[0].nll += shares[r].nll;
    shares[0].gradients += shares[r].gradients;
  }
  return shares[0];
}

// Documents packed into one sequence next to a sequence of one document, against the documents by themselves:
// attention, positions and labels must all stop at the borders. On 8 ranks a chunk is one token: every
// document of two tokens or more lies on several ranks; on 1 and 2 several documents lie on one; two
// documents are of one token.
TEST(PackedDocuments, GiveTheLossesAndGradientsOfTheDocumentsByThemselves) {
  const ModelCase c = make_case({.start_tokens = 2});
  const std::vector<std::vector<int32_t>> documents{{7}, {3, 1, 4, 1, 5}, {2}, {9, 2, 6}, {5, 3, 5, 8, 9, 7}};
  const std::vector<int32_t> whole{2, 7, 1, 8, 2, 8, 1, 8, 2, 8, 4};
  const MakeAttention ring = [](Communicator& group) {
    return std::make_unique<RingAttention>(group, Placement::kZigzag);
  };
  Found apart = found_for(c, {whole}, {{.length = 11}}, 1, ring);
  for (const std::vector<int32_t>& document : documents) {
    const Found one = found_for(c, {document}, {{.length = static_cast<int64_t>(document.size())}}, 1, ring);
    apart.loss += one.loss;
    apart.nll += one.nll;
    apart.gradients += one.gradients;
  }
  std::vector<int32_t> packed;
  std::vector<int64_t> starts;
  for (const std::vector<int32_t>& document : documents) {
    starts.push_back(static_cast<int64_t>(packed.size()));
    packed.insert(packed.end(), document.begin(), document.end());
  }
  const std::vector<SequenceSpec> layout{{.length = std::ssize(packed), .documents = starts}, {.length = 11}};
  const auto shared = [](int heads, Placement placement) -> MakeAttention {
    return [heads, placement](Communicator& group) {
      return std::make_unique<MeshAttention>(group, std::min(heads, group.size()), placement);
    };
  };
  const std::pair<const char*, MakeAttention> kinds[] = {
      {"ring", ring},
      {"all gathered", [](Communicator& group) { return reference(group, Placement::kZigzag); }},
      {"balanced", shared(1, Placement::kBalanced)},
      {"2 share heads", shared(2, Placement::kZigzag)},
      {"4 share heads, balanced", shared(4, Placement::kBalanced)}};
  for (const auto& [kind, make] : kinds) {
    for (const int ranks : {1, 2, 4, 8}) {
      SCOPED_TRACE(fmt::format("{} ranks, {}", ranks, kind));
      const Found together = found_for(c, {packed, whole}, layout, ranks, make);
      EXPECT_NEAR(together.nll, apart.nll, 1e-12 * apart.nll);
      EXPECT_NEAR(together.loss, apart.loss, 1e-12 * apart.loss);
      EXPECT_LE(relative_error(together.gradients, apart.gradients), 1e-12);
    }
  }
}

}  // namespace
}  // namespace ropeway::testing
