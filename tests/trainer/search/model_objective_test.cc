#include "trainer/search/model_objective.h"
#include "parallel/attention/ring_attention.h"

#include <ATen/core/Tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "parallel/comm/thread_world.h"
#include "search_fixture.h"
#include "tests/support/model_shape.h"
#include "trainer/data/documents.h"
#include "trainer/data/passkey.h"
#include "trainer/model/causal_lm.h"
#include "trainer/model/initial_weights.h"
#include "trainer/model/resident_parameters.h"
#include "trainer/search/search.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {
namespace {

constexpr int64_t kLength = 318;  // no multiple of 2P for P = 2, 4

ModelConfig tiny_config() {
  ModelConfig config = make_config(
      {.vocab = 258, .hidden = 32, .intermediate = 48, .head_dim = 8, .window = 64, .tied = true});
  config.initializer_range = 0.3;  // large enough that attention is not uniform
  return config;
}

// Text files: validation documents of about three windows each, and a training text.
class Corpus {
 public:
  explicit Corpus(int64_t train_tokens) {
    const std::string prose = read_all(std::string(ROPEWAY_SOURCE_DIR) + "/tests/data/prose.txt");
    std::filesystem::create_directories(folder / "validation");
    std::ofstream(folder / "validation/a.txt", std::ios::binary) << prose.substr(0, 1600);
    std::ofstream(folder / "validation/b.txt", std::ios::binary) << prose.substr(20000, 1700);
    std::ofstream(folder / "train.txt", std::ios::binary) << prose.substr(0, train_tokens);
  }
  Documents validation(Communicator& world) const {
    return load_documents(world, {(folder / "validation/*.txt").string()}, *tokenizer, folder / "cache");
  }
  Documents train(Communicator& world) const {
    return load_documents(world, {(folder / "train.txt").string()}, *tokenizer, folder / "cache");
  }
  TemporaryFolder folder;
  std::unique_ptr<Tokenizer> tokenizer = make_byte_tokenizer();
};

using Work = std::function<void(Communicator&, Objective&)>;

// Every rank of a mesh gets the same tiny random model and runs `work` on its objective.
void on_ranks(const Corpus& corpus, MeshShape shape, const Work& work, ModelObjectiveOptions options = {}) {
  options.length = kLength;
  options.documents = 3;
  options.seed = 5;
  options.dtype = at::kDouble;
  run_thread_world(shape.data * shape.sequence, [&](Communicator& world) {
    const Mesh mesh(world, shape);
    RingAttention ring(mesh.group(Axis::kSequence), Placement::kZigzag);
    ResidentParameters parameters(tiny_config(), at::kDouble);
    initialize_weights(parameters, tiny_config(), 9);
    CausalLM model(tiny_config(), parameters, ring, {});
    const Documents validation = corpus.validation(world), train = corpus.train(world);
    const auto objective = make_model_objective(model, mesh, validation, train, *corpus.tokenizer, options);
    work(world, *objective);
  });
}

Candidate candidate(double temperature = 1.1) { return {{1, 1.7, 4.5, 8}, temperature, 0, "test"}; }

TEST(ModelObjective, ScoresAreTheSameForAnyNumberOfSequenceRanks) {
  const Corpus corpus(4000);
  std::vector<DocumentScore> reference(4);
  on_ranks(corpus, {1, 1}, [&](Communicator&, Objective& objective) {
    for (int64_t j = 0; j < 3; ++j) reference[j] = objective.score(candidate(), j);
    reference[3] = objective.score_finalist(candidate(), 1);
  });
  EXPECT_GT(reference[0].nll, 1);
  EXPECT_NE(reference[0].nll, reference[1].nll);
  EXPECT_NE(reference[0].nll, reference[0].tail_nll);
  for (const int ranks : {2, 4}) {
    on_ranks(corpus, {1, ranks}, [&](Communicator&, Objective& objective) {
      for (int64_t j = 0; j < 3; ++j) {
        const DocumentScore score = objective.score(candidate(), j);
        EXPECT_NEAR(score.nll, reference[j].nll, 1e-12);
        EXPECT_NEAR(score.tail_nll, reference[j].tail_nll, 1e-12);
      }
      const DocumentScore finalist = objective.score_finalist(candidate(), 1);
      EXPECT_NEAR(finalist.nll, reference[3].nll, 1e-12);
      EXPECT_NEAR(finalist.tail_nll, reference[3].tail_nll, 1e-12);
      EXPECT_NEAR(finalist.needle_nll, reference[3].needle_nll, 1e-11);
    });
  }
}

TEST(ModelObjective, SpreadsCandidatesOverTheDataAxisBitForBit) {
  const Corpus corpus(4000);
  const std::vector<Candidate> candidates{candidate(), candidate(1.2), {{1, 1, 1, 1}, 1, 0, "none"}};
  std::vector<std::vector<double>> reference;
  on_ranks(corpus, {1, 1}, [&](Communicator&, Objective& objective) {
    reference = objective.score_all(candidates, {0, 2});
    EXPECT_EQ(objective.parallel_scores(), 1);
    for (size_t i = 0; i < 3; ++i) EXPECT_EQ(reference[i][1], objective.score(candidates[i], 2).nll);
  });
  for (const int rows : {2, 4}) {
    on_ranks(corpus, {rows, 1}, [&](Communicator&, Objective& objective) {
      EXPECT_EQ(objective.score_all(candidates, {0, 2}), reference);
      EXPECT_EQ(objective.parallel_scores(), rows);
    });
  }
}

TEST(ModelObjective, PrefixesAreScoredAsDocumentsOfTheirOwn) {
  const Corpus corpus(4000);
  on_ranks(corpus, {1, 1}, [&](Communicator&, Objective& objective) {
    // Means over disjoint ranges of targets: the tail of the whole is what the prefix leaves out.
    const int64_t tail = 80, prefix = kLength - tail;
    const double whole = objective.score(candidate(), 0).nll * (kLength - 1);
    const double rest = objective.score(candidate(), 0).tail_nll * tail;
    EXPECT_NEAR(objective.score(candidate(), 0, prefix).nll, (whole - rest) / (prefix - 1), 1e-11);
  });
}

TEST(ModelObjective, GradientAgreesWithCentralDifferencesOfTheScore) {
  // A training text of exactly one window, which is also the first validation document.
  const Corpus corpus(kLength);
  for (const auto& [ranks, tail_weight] : {std::pair{1, 0.0}, {2, 0.0}, {1, 0.5}, {2, 0.5}}) {
    const auto check = [weight = tail_weight](Communicator&, Objective& objective) {
      const auto loss_of = [&](const Candidate& c) {
        const DocumentScore score = objective.score(c, 0);
        return (1 - weight) * score.nll + weight * score.tail_nll;
      };
      const Objective::Gradient gradient = objective.gradient(candidate(), 0);
      EXPECT_NEAR(gradient.nll, loss_of(candidate()), weight == 0 ? 1e-12 : 1e-6);  // weights are float
      ASSERT_EQ(gradient.log_factors.size(), 4u);
      const auto loss = [&](int64_t dim, double step) {
        Candidate moved = candidate();
        (dim < 4 ? moved.factors[dim] : moved.temperature) *= std::exp(step);
        return loss_of(moved);
      };
      // Central differences at two steps, extrapolated to none: the fastest dim oscillates within a
      // thousandth.
      const auto difference = [&](int64_t dim, double step) {
        return (loss(dim, step) - loss(dim, -step)) / (2 * step);
      };
      for (int64_t dim = 0; dim < 5; ++dim) {
        const double expected = (4 * difference(dim, 2e-6) - difference(dim, 4e-6)) / 3;
        const double found = dim < 4 ? gradient.log_factors[dim] : gradient.log_temperature;
        EXPECT_NEAR(found, expected, 1e-6 * std::max(1.0, std::abs(expected))) << dim;
      }
    };
    on_ranks(corpus, {1, ranks}, check, {.tail_weight = tail_weight});
  }
}

TEST(ModelObjective, DrawsOfTheGradientAreFixedByTheirNumber) {
  const Corpus corpus(4000);
  std::vector<double> losses;
  on_ranks(corpus, {1, 1}, [&](Communicator&, Objective& objective) {
    for (int64_t draw = 0; draw < 4; ++draw) losses.push_back(objective.gradient(candidate(), draw).nll);
  });
  EXPECT_NE(losses[0], losses[1]);
  on_ranks(corpus, {2, 2}, [&](Communicator&, Objective& objective) {
    EXPECT_NEAR(objective.gradient(candidate(), 3).nll, losses[3], 1e-12);
    EXPECT_NEAR(objective.gradient(candidate(), 0).nll, losses[0], 1e-12);
  });
}

TEST(ModelObjective, FinalistsDoNotOverlapTheRankedDocuments) {
  const Corpus corpus(4000);
  on_ranks(corpus, {1, 1}, [&](Communicator&, Objective& objective) {
    EXPECT_EQ(objective.num_documents(), 3);
    EXPECT_EQ(objective.num_finalist_documents(), 2);
    for (int64_t held = 0; held < 2; ++held) {
      const double nll = objective.score_finalist(candidate(), held).nll;
      for (int64_t j = 0; j < 3; ++j) EXPECT_NE(nll, objective.score(candidate(), j).nll);
    }
  });
}

TEST(ModelObjective, SaysWhenTheValidationTextIsTooShort) {
  const Corpus corpus(4000);
  try {
    on_ranks(corpus, {1, 1}, [](Communicator&, Objective&) {}, {.finalist_documents = 8});
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kBadData);
    EXPECT_THAT(error.what(), testing::HasSubstr("10 disjoint windows of 318 tokens"));
    EXPECT_THAT(error.what(), testing::HasSubstr("wanted 11"));
  }
}

TEST(ModelObjective, ASearchOnItEndsTheSameForOneTwoAndFourRanks) {
  const Corpus corpus(4000);
  TemporaryFolder folder;
  SearchProblem problem;
  problem.geometry = tiny_config().rope_geometry();
  problem.target_length = kLength;
  problem.trained_length = 64;
  problem.options.refine = SearchRefine::kEvolution;
  problem.options.population = 4;
  problem.options.mutations = problem.options.crossovers = 1;
  problem.options.parents = 2;
  problem.options.iterations = 1;
  std::vector<double> expected;
  for (const MeshShape shape : {MeshShape{1, 1}, MeshShape{1, 2}, MeshShape{2, 2}}) {
    on_ranks(corpus, shape, [&](Communicator& world, Objective& objective) {
      const auto log = folder / fmt::format("{}{}.jsonl", shape.data, shape.sequence);
      const SearchOutcome outcome = run_search(problem, objective, world, log, {});
      if (shape.data * shape.sequence == 1) {
        expected = outcome.best.factors;
      } else {
        EXPECT_EQ(outcome.best.factors, expected);
      }
    });
  }
}

}  // namespace
}  // namespace ropeway
