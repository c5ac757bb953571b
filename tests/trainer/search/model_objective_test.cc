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
#include "trainer/model/token_losses.h"
#include "trainer/search/finalists.h"
#include "trainer/search/scorer.h"
#include "trainer/search/search.h"
#include "trainer/tasks/needle_document.h"
#include "trainer/tokenizer/byte_tokenizer.h"
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
  // `first`: in front of the first validation text.
  explicit Corpus(int64_t train_tokens, const std::string& first = "") {
    const std::string prose = read_bytes(std::string(ROPEWAY_SOURCE_DIR) + "/tests/data/prose.txt");
    std::filesystem::create_directories(folder / "validation");
    std::ofstream(folder / "validation/a.txt", std::ios::binary) << first + prose.substr(0, 1600);
    std::ofstream(folder / "validation/b.txt", std::ios::binary) << prose.substr(20000, 1700);
    std::ofstream(folder / "train.txt", std::ios::binary) << prose.substr(0, train_tokens);
  }
  Documents validation(Communicator& world) const {
    return load_documents(world, {(folder / "validation/*").string()}, *tokenizer, folder / "cache");
  }
  Documents train(Communicator& world, const std::string& name = "train.txt") const {
    return load_documents(world, {(folder / name).string()}, *tokenizer, folder / "cache");
  }
  LogFolder folder;
  std::unique_ptr<Tokenizer> tokenizer = make_byte_tokenizer();
};

using Work = std::function<void(const Mesh&, Objective&)>;

// Every rank of a mesh gets the same tiny random model and runs `work` on its objective.
void on_ranks(const Corpus& corpus, MeshShape shape, const Work& work, ModelObjectiveOptions options = {},
              const std::string& training = "train.txt") {
  if (options.sequences.length == 0) options.sequences.length = kLength;
  options.sequences.ranking = 3;
  options.seed = 5;
  options.dtype = at::kDouble;
  run_thread_world(shape.data * shape.sequence, [&](Communicator& world) {
    const Mesh mesh(world, shape);
    RingAttention ring(mesh.group(Axis::kSequence), Placement::kZigzag);
    ResidentParameters parameters(tiny_config(), at::kDouble);
    initialize_weights(parameters, tiny_config(), 9);
    CausalLM model(tiny_config(), parameters, ring, {});
    const Documents validation = corpus.validation(world), train = corpus.train(world, training);
    const auto objective = make_model_objective(model, mesh, validation, train, *corpus.tokenizer, options);
    work(mesh, *objective);
  });
}

Candidate candidate(double temperature = 1.1) { return {{1, 1.7, 4.5, 8}, temperature, 0, "test"}; }

TEST(ModelObjective, ScoresAreTheSameForAnyNumberOfSequenceRanks) {
  const Corpus corpus(4000);
  std::vector<DocumentScore> reference(4);
  on_ranks(corpus, {1, 1}, [&](const Mesh&, Objective& objective) {
    for (int64_t j = 0; j < 3; ++j) reference[j] = objective.score(candidate(), j);
    reference[3] = objective.score_finalist(candidate(), 1);
  });
  EXPECT_GT(reference[0].nll, 1);
  EXPECT_NE(reference[0].nll, reference[1].nll);
  EXPECT_NE(reference[0].nll, reference[0].tail_nll);
  for (const int ranks : {2, 4}) {
    on_ranks(corpus, {1, ranks}, [&](const Mesh&, Objective& objective) {
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

// A mark in front of every window is what a text that begins with it has in its first one.
TEST(ModelObjective, WindowsStartWithTheMarksBeforeAText) {
  DocumentScore by_text, by_marks, second;
  on_ranks(Corpus(4000, "~"), {1, 1}, [&](const Mesh&, Objective& objective) {
    by_text = objective.score(candidate(), 0);
    EXPECT_GT(objective.gradient(candidate(), 0).nll, 1);
  });
  on_ranks(Corpus(4000), {1, 2},
           [&](const Mesh&, Objective& objective) {
             by_marks = objective.score(candidate(), 0);
             second = objective.score(candidate(), 2);
             EXPECT_GT(objective.gradient(candidate(), 0).nll, 1);
           },
           {.marks = {{'~'}, {257}}});
  EXPECT_NEAR(by_marks.nll, by_text.nll, 1e-12);
  EXPECT_NEAR(by_marks.tail_nll, by_text.tail_nll, 1e-12);
  EXPECT_GT(second.nll, 1);
}

// The training text of documents that no window fits into: joined they are windows, on any number of ranks.
TEST(ModelObjective, GradientsOfJoinedDocumentsAreTheSameForAnyNumberOfSequenceRanks) {
  const Corpus corpus(4000);
  std::string lines;
  for (int i = 0; i < 40; ++i) lines += fmt::format("{{\"text\": \"document {:02} is short\"}}\n", i);
  write_bytes(corpus.folder / "train.jsonl", lines);
  const ModelObjectiveOptions options = {.packing = Packing::kConcat};
  std::vector<Objective::Gradient> reference;
  std::string fingerprint;
  const auto run = [&](int ranks, const Work& work) {
    on_ranks(corpus, {1, ranks}, work, options, "train.jsonl");
  };
  run(1, [&](const Mesh&, Objective& objective) {
    for (int64_t draw = 0; draw < 3; ++draw) reference.push_back(objective.gradient(candidate(), draw));
    fingerprint = objective.data_fingerprint();
  });
  EXPECT_NE(reference[0].nll, reference[1].nll);
  run(2, [&](const Mesh&, Objective& objective) {
    for (int64_t draw = 0; draw < 3; ++draw) {
      const Objective::Gradient found = objective.gradient(candidate(), draw);
      EXPECT_NEAR(found.nll, reference[draw].nll, 1e-12);
      for (size_t i = 0; i < found.log_factors.size(); ++i) {
        EXPECT_NEAR(found.log_factors[i], reference[draw].log_factors[i], 1e-12);
      }
    }
  });
  EXPECT_NE(fingerprint.find("+joined"), std::string::npos) << "a search's log is of this data";
}

// Counts what the ranks of one row evaluate.
class Counted : public Objective {
 public:
  explicit Counted(Objective& inner) : inner_(inner) {}
  int64_t num_documents() const override { return inner_.num_documents(); }
  int64_t num_finalist_documents() const override { return inner_.num_finalist_documents(); }
  const std::string& data_fingerprint() const override { return inner_.data_fingerprint(); }
  int64_t num_targets() const override { return inner_.num_targets(); }
  DocumentScore score(const Candidate& c, int64_t index, int64_t length) override {
    ++scores;
    return inner_.score(c, index, length);
  }
  DocumentScore score_finalist(const Candidate& c, int64_t index) override {
    ++finalists;
    return inner_.score_finalist(c, index);
  }
  Gradient gradient(const Candidate& c, int64_t draw) override {
    ++gradients;
    return inner_.gradient(c, draw);
  }
  int64_t scores = 0, finalists = 0, gradients = 0;

 private:
  Objective& inner_;
};

struct Shared {
  std::vector<double> figures;
  int64_t scores = 0, finalists = 0, gradients = 0;  // of one rank
};

// Six scores, four finalist scores and three gradients through a scorer; by rank.
std::vector<Shared> evaluate_on(const Corpus& corpus, MeshShape shape) {
  std::vector<Shared> results(static_cast<size_t>(shape.data * shape.sequence));
  LogFolder folder;
  const std::vector<Candidate> candidates{candidate(), candidate(1.2), {{1, 1, 1, 1}, 1, 0, "none"}};
  const auto work = [&](const Mesh& mesh, Objective& objective) {
    Counted counted(objective);
    SearchLog log(mesh.world(), folder / "search.jsonl", "test");
    Scorer scorer(counted, mesh, log, kLength, {});
    Shared& result = results[static_cast<size_t>(mesh.world().rank())];
    for (const auto& row : scorer.scores(candidates, {0, 2})) {
      result.figures.insert(result.figures.end(), row.begin(), row.end());
    }
    for (const auto& row : scorer.finalists({candidates[0], candidates[1]})) {
      for (const DocumentScore& score : row) {
        result.figures.insert(result.figures.end(), {score.nll, score.tail_nll, score.needle_nll});
      }
    }
    for (const Objective::Gradient& gradient : scorer.gradients(candidates[1], {0, 1, 2})) {
      result.figures.insert(result.figures.end(), gradient.log_factors.begin(), gradient.log_factors.end());
      result.figures.insert(result.figures.end(), {gradient.log_temperature, gradient.nll});
    }
    result.scores = counted.scores;
    result.finalists = counted.finalists;
    result.gradients = counted.gradients;
  };
  on_ranks(corpus, shape, work, {.tail_weight = 0.5});
  return results;
}

TEST(ModelObjective, RowsShareTheEvaluationsBitForBit) {
  const Corpus corpus(4000);
  for (const int sequence : {1, 2}) {
    const Shared alone = evaluate_on(corpus, {1, sequence})[0];
    ASSERT_EQ(alone.figures.size(), 6u + 4 * 3 + 3 * 6);
    EXPECT_EQ(alone.gradients, 3);
    for (const int rows : {2, 3}) {
      const std::vector<Shared> shared = evaluate_on(corpus, {rows, sequence});
      Shared total;
      for (int row = 0; row < rows; ++row) {
        const Shared& one = shared[static_cast<size_t>(row * sequence)];
        EXPECT_LE(one.gradients, (3 + rows - 1) / rows) << "row " << row << " of " << rows;
        total.scores += one.scores;
        total.finalists += one.finalists;
        total.gradients += one.gradients;
      }
      EXPECT_EQ(total.scores, 6) << "passes over " << rows << " rows";
      EXPECT_EQ(total.finalists, 4);
      EXPECT_EQ(total.gradients, 3);
      for (const Shared& one : shared) EXPECT_EQ(one.figures, alone.figures);
    }
  }
}

TEST(ModelObjective, AScorerGivesTheObjectivesOwnFigures) {
  const Corpus corpus(4000);
  const std::vector<double> figures = evaluate_on(corpus, {1, 1})[0].figures;
  const auto check = [&](const Mesh&, Objective& objective) {
    EXPECT_EQ(figures[0], objective.score(candidate(), 0).nll);
    EXPECT_EQ(figures[1], objective.score(candidate(), 2).nll);
    EXPECT_EQ(figures[6], objective.score_finalist(candidate(), 0).nll);
    EXPECT_EQ(figures[8], objective.score_finalist(candidate(), 0).needle_nll);
    EXPECT_EQ(figures[18], objective.gradient(candidate(1.2), 0).log_factors[0]);
    EXPECT_EQ(figures.back(), objective.gradient(candidate(1.2), 2).nll);
  };
  on_ranks(corpus, {1, 1}, check, {.tail_weight = 0.5});
}

TEST(ModelObjective, PrefixesAreScoredAsDocumentsOfTheirOwn) {
  const Corpus corpus(4000);
  on_ranks(corpus, {1, 1}, [&](const Mesh&, Objective& objective) {
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
    const auto check = [weight = tail_weight](const Mesh&, Objective& objective) {
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
  on_ranks(corpus, {1, 1}, [&](const Mesh&, Objective& objective) {
    for (int64_t draw = 0; draw < 4; ++draw) losses.push_back(objective.gradient(candidate(), draw).nll);
  });
  EXPECT_NE(losses[0], losses[1]);
  on_ranks(corpus, {2, 2}, [&](const Mesh&, Objective& objective) {
    EXPECT_NEAR(objective.gradient(candidate(), 3).nll, losses[3], 1e-12);
    EXPECT_NEAR(objective.gradient(candidate(), 0).nll, losses[0], 1e-12);
  });
}

TEST(ModelObjective, FinalistsDoNotOverlapTheRankedDocuments) {
  const Corpus corpus(4000);
  on_ranks(corpus, {1, 1}, [&](const Mesh&, Objective& objective) {
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
    on_ranks(corpus, {1, 1}, [](const Mesh&, Objective&) {}, {.sequences = {.finalists = 8}});
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kBadData);
    EXPECT_THAT(error.what(), testing::HasSubstr("10 disjoint windows of 318 tokens"));
    EXPECT_THAT(error.what(), testing::HasSubstr("wanted 11"));
  }
}

struct Sample {
  std::string prompt, completion;

  std::vector<int32_t> tokens() const {
    std::vector<int32_t> ids{256};
    for (const char c : prompt + completion) ids.push_back(c);
    ids.push_back(257);
    return ids;
  }
  std::string line() const {
    return fmt::format("{{\"prompt\": \"{}\", \"completion\": \"{}\"}}\n", prompt, completion);
  }
};
// Of 48, 98, ... tokens, marks included.
std::vector<Sample> samples() {
  std::vector<Sample> samples;
  for (int i = 0; i < 6; ++i) {
    std::string text;
    for (int t = 0; t < 46 + 50 * i; ++t) text += static_cast<char>('a' + (t * t + 7 * t * i + i) % 26);
    const size_t prompt = text.size() - 9 - 4 * static_cast<size_t>(i);
    samples.push_back({text.substr(0, prompt), text.substr(prompt)});
  }
  return samples;
}
const ModelObjectiveOptions kOnExamples = {.marks = {{256}, {257}}};

// Validation data of examples; the training data are the longest of them, or a text.
class ExampleCorpus : public Corpus {
 public:
  ExampleCorpus() : Corpus(4000) {
    std::filesystem::remove_all(folder / "validation");
    std::filesystem::create_directories(folder / "validation");
    std::string lines;
    for (const Sample& sample : samples()) lines += sample.line();
    write_bytes(folder / "validation/a.jsonl", lines);
    write_bytes(folder / "train.jsonl", samples().back().line());
  }
};

// Of all predictions of a sequence of its own on one rank.
std::vector<double> losses_alone(const std::vector<int32_t>& tokens, const Candidate& candidate) {
  std::vector<double> losses;
  run_thread_world(1, [&](Communicator& world) {
    const Mesh mesh(world, {1, 1});
    RingAttention ring(mesh.group(Axis::kSequence), Placement::kZigzag);
    ResidentParameters parameters(tiny_config(), at::kDouble);
    initialize_weights(parameters, tiny_config(), 9);
    CausalLM model(tiny_config(), parameters, ring, {});
    FactorSet set = model.identity();
    set.max_length = kLength;
    set.factors = candidate.factors;
    set.attention_temperature = candidate.temperature;
    losses = token_losses(model, mesh.group(Axis::kSequence), set, {tokens}).nll;
  });
  losses.pop_back();
  return losses;
}
// Of the completion and the EOS behind it.
std::vector<double> losses_alone(const Sample& sample, const Candidate& candidate) {
  const std::vector<double> losses = losses_alone(sample.tokens(), candidate);
  return {losses.end() - std::ssize(sample.completion) - 1, losses.end()};
}
double mean_of(const std::vector<double>& losses, int64_t last) {
  double sum = 0;
  for (auto loss = losses.end() - last; loss != losses.end(); ++loss) sum += *loss;
  return sum / static_cast<double>(last);
}

TEST(ModelObjective, ExamplesCountByWhatTheyScoreAsEachDoesAlone) {
  const ExampleCorpus corpus;
  const std::vector<Sample> all = samples();
  for (const int ranks : {1, 2, 4}) {
    const auto check = [&](const Mesh&, Objective& objective) {
      for (int64_t j = 0; j < 5; ++j) {  // the longest first; two of them are the finalists'
        const std::vector<double> alone = losses_alone(all[static_cast<size_t>(5 - j)], candidate());
        const DocumentScore score =
            j < 3 ? objective.score(candidate(), j) : objective.score_finalist(candidate(), j - 3);
        EXPECT_NEAR(score.nll, mean_of(alone, std::ssize(alone)), 1e-12) << j;
        EXPECT_NEAR(score.tail_nll, mean_of(alone, (std::ssize(alone) + 3) / 4), 1e-12) << j;
        EXPECT_EQ(score.needle_nll, 0);
      }
      // Cut before its completion there is nothing to score: whole.
      EXPECT_EQ(objective.score(candidate(), 0, 100).nll, objective.score(candidate(), 0).nll);
      const std::vector<double> alone = losses_alone(all[5], candidate());
      const double first = (mean_of(alone, 30) * 30 - mean_of(alone, 20) * 20) / 10;
      EXPECT_NEAR(objective.score(candidate(), 0, std::ssize(all[5].tokens()) - 20).nll, first, 1e-12);
    };
    on_ranks(corpus, {1, ranks}, check, kOnExamples, "train.jsonl");
  }
}

TEST(ModelObjective, GradientsOfExamplesAgreeWithCentralDifferencesOfTheScore) {
  const ExampleCorpus corpus;
  for (const auto& [ranks, tail_weight] : {std::pair{1, 0.0}, {2, 0.5}}) {
    ModelObjectiveOptions options = kOnExamples;
    options.tail_weight = tail_weight;
    const auto check = [weight = tail_weight](const Mesh&, Objective& objective) {
      const auto loss_of = [&](const Candidate& c) {
        const DocumentScore score = objective.score(c, 0);
        return (1 - weight) * score.nll + weight * score.tail_nll;
      };
      const Objective::Gradient gradient = objective.gradient(candidate(), 7);
      EXPECT_NEAR(gradient.nll, loss_of(candidate()), weight == 0 ? 1e-12 : 1e-6);  // weights are float
      const auto difference = [&](size_t dim, double step) {
        Candidate up = candidate(), down = candidate();
        up.factors[dim] *= std::exp(step);
        down.factors[dim] *= std::exp(-step);
        return (loss_of(up) - loss_of(down)) / (2 * step);
      };
      for (size_t dim = 1; dim < 4; ++dim) {
        const double expected = (4 * difference(dim, 2e-6) - difference(dim, 4e-6)) / 3;
        EXPECT_NEAR(gradient.log_factors[dim], expected, 1e-6 * std::max(1.0, std::abs(expected))) << dim;
      }
    };
    on_ranks(corpus, {1, ranks}, check, options, "train.jsonl");
  }
}

TEST(ModelObjective, GradientsAreOfTrainingDataOfTheSameKind) {
  const ExampleCorpus corpus;
  try {
    on_ranks(
        corpus, {1, 1}, [](const Mesh&, Objective&) {}, kOnExamples, "train.txt");
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("the validation data are examples"));
  }
}

TEST(ModelObjective, ASearchOnItEndsTheSameForOneTwoAndFourRanks) {
  const Corpus corpus(4000);
  LogFolder folder;
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
    on_ranks(corpus, shape, [&](const Mesh& mesh, Objective& objective) {
      const auto log = folder / fmt::format("{}{}.jsonl", shape.data, shape.sequence);
      const SearchOutcome outcome = run_search(problem, objective, mesh, log, {});
      if (shape.data * shape.sequence == 1) {
        expected = outcome.best.factors;
      } else {
        EXPECT_EQ(outcome.best.factors, expected);
      }
    });
  }
}

constexpr int64_t kNeedleLength = 798;  // room for one needle of bytes; no multiple of 2P for P = 2, 4

ModelObjectiveOptions by_needles(SearchFitness fitness, double tail_weight = 0) {
  return {.sequences = {.length = kNeedleLength, .finalists = 1},
          .fitness = fitness,
          .needles = 3,
          .tail_weight = tail_weight};
}
NeedleDocument document_of(const Corpus& corpus, const std::string& text, double offset, uint64_t index,
                           int64_t length = kNeedleLength) {
  return make_needle_document(*corpus.tokenizer, corpus.tokenizer->encode(text),
                              {.length = length, .offset = offset, .seed = 5, .index = index});
}

struct NeedleLosses {
  double answer = 0, text = 0, tail = 0;
};
// By hand: of the tokens of the digits, and of those of the text around needle and question.
NeedleLosses losses_by_hand(const NeedleDocument& document, const Candidate& candidate) {
  const std::vector<double> losses = losses_alone(document.tokens, candidate);
  NeedleLosses means;
  const TokenRange answer = document.answers.at(0);
  for (int64_t t = 0; t < answer.count; ++t) {
    means.answer += losses[static_cast<size_t>(answer.begin + t - 1)] / static_cast<double>(answer.count);
  }
  std::vector<double> text;
  for (const TokenRange& stretch : document.text) {
    for (int64_t t = 0; t < stretch.count; ++t) {
      text.push_back(losses[static_cast<size_t>(stretch.begin + t - 1)]);
    }
  }
  means.text = mean_of(text, std::ssize(text));
  means.tail = mean_of(text, (std::ssize(text) + 3) / 4);
  return means;
}

TEST(ModelObjective, FitnessByNeedlesIsTheLossOfTheirAnswers) {
  const Corpus corpus(4000);
  const std::string text = read_bytes(corpus.folder / "validation/a.txt");
  const NeedleLosses needle = losses_by_hand(document_of(corpus, text, 1.0 / 6, 0), candidate());
  const NeedleLosses shorter = losses_by_hand(document_of(corpus, text, 1.0 / 6, 0, 600), candidate());
  EXPECT_GT(needle.answer, 1);
  for (const int ranks : {1, 2, 4}) {
    const auto check = [&](const Mesh&, Objective& objective) {
      EXPECT_EQ(objective.num_needles(), 1) << "three have no room";
      EXPECT_NEAR(objective.score(candidate(), 0).nll, needle.answer, 1e-12);
      EXPECT_NEAR(objective.score(candidate(), 0, 600).nll, shorter.answer, 1e-12);
      // Where not even one has room there is nothing to ask: whole.
      EXPECT_EQ(objective.score(candidate(), 0, 200).nll, objective.score(candidate(), 0).nll);
      const DocumentScore held_out = objective.score_finalist(candidate(), 0);
      ASSERT_EQ(held_out.needles.size(), 1u);
      EXPECT_EQ(held_out.needles[0], held_out.needle_nll);
      EXPECT_EQ(held_out.blocks.size(), 16u);
      EXPECT_NE(held_out.nll, held_out.needle_nll);
    };
    on_ranks(corpus, {1, ranks}, check, by_needles(SearchFitness::kNeedle));
  }
  on_ranks(
      corpus, {1, 2},
      [&](const Mesh&, Objective& objective) {
        EXPECT_NEAR(objective.score(candidate(), 0).nll, needle.text + kNeedleWeight * needle.answer, 1e-12);
      },
      by_needles(SearchFitness::kMixed));
}

// A training text of one window: what every draw hides a needle in.
TEST(ModelObjective, GradientsByNeedlesAgreeWithCentralDifferences) {
  const Corpus corpus(kNeedleLength);
  const double offset = 0.5 * 0.6180339887498949;
  const NeedleDocument document =
      document_of(corpus, read_bytes(corpus.folder / "train.txt"), offset, uint64_t{1} << 24);
  for (const SearchFitness fitness : {SearchFitness::kNeedle, SearchFitness::kMixed}) {
    const bool mixed = fitness == SearchFitness::kMixed;
    const auto loss_of = [&](const Candidate& moved) {
      const NeedleLosses needle = losses_by_hand(document, moved);
      if (!mixed) return needle.answer;
      return 0.5 * needle.text + 0.5 * needle.tail + kNeedleWeight * needle.answer;
    };
    Objective::Gradient gradient;
    for (const int ranks : {1, 2}) {
      const auto check = [&](const Mesh& mesh, Objective& objective) {
        const Objective::Gradient found = objective.gradient(candidate(), 0);
        if (mesh.world().rank() == 0) gradient = found;
      };
      on_ranks(corpus, {1, ranks}, check, by_needles(fitness, 0.5));
      EXPECT_NEAR(gradient.nll, loss_of(candidate()), 2e-6);  // weights are float
      for (const int64_t dim : {1, 3, 4}) {
        const auto loss = [&](double step) {
          Candidate moved = candidate();
          (dim < 4 ? moved.factors[dim] : moved.temperature) *= std::exp(step);
          return loss_of(moved);
        };
        const double expected = (loss(1e-5) - loss(-1e-5)) / 2e-5;
        const double found = dim < 4 ? gradient.log_factors[dim] : gradient.log_temperature;
        EXPECT_NEAR(found, expected, 1e-5 * std::max(1.0, std::abs(expected))) << dim << " on " << ranks;
      }
    }
  }
}

TEST(ModelObjective, NeedlesAreHiddenInTextsOnly) {
  const ExampleCorpus corpus;
  try {
    on_ranks(
        corpus, {1, 1}, [](const Mesh&, Objective&) {},
        {.fitness = SearchFitness::kNeedle, .marks = {{256}, {257}}}, "train.jsonl");
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kBadData);
    EXPECT_THAT(error.what(), testing::HasSubstr("a search by needles takes whole texts"));
  }
}

}  // namespace
}  // namespace ropeway
