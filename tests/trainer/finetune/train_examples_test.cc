// Training on examples of instruction data: packed side by side, over any number of ranks, loss and gradients
// are those of each example by itself, means over the scored tokens of all.
#include <ATen/TensorOperators.h>

#include "parallel/comm/exchange_values.h"
#include "tests/trainer/finetune/train_case.h"

namespace ropeway {
namespace {

std::string lines_of_examples(int count) {
  std::string lines;
  for (int i = 0; i < count; ++i) {
    const auto seed = static_cast<uint64_t>(i);
    lines +=
        fmt::format("{{\"prompt\": \"{}\", \"completion\": \"{}\"}}\n",
                    random_letters(1 + 3 * seed % 8, seed), random_letters(1 + 5 * seed % 6, 100 + seed));
  }
  return lines;
}

// Every example of the windows by itself, with the weights of its predictions.
struct Alone {
  std::vector<std::vector<int32_t>> tokens;
  std::vector<std::vector<float>> weights;
  double weight = 0;
};

Alone examples_of(const WindowSampler& windows, uint64_t count) {
  Alone alone;
  for (uint64_t i = 0; i < count; ++i) {
    const Window window = windows.window(i);
    for (size_t d = 0; d < window.documents.size(); ++d) {
      const int64_t begin = window.documents[d];
      const int64_t end =
          d + 1 < window.documents.size() ? window.documents[d + 1] : std::ssize(window.tokens);
      alone.tokens.emplace_back(window.tokens.begin() + begin, window.tokens.begin() + end);
      alone.weights.emplace_back(window.weights.begin() + begin, window.weights.begin() + end);
      for (const float weight : alone.weights.back()) alone.weight += weight;
    }
  }
  return alone;
}

TrainCase case_of_examples() {
  TrainCase c;
  c.recipe.steps = 1;
  c.mask = DocumentMask::kDocuments;
  c.texts = {lines_of_examples(30)};
  return c;
}

TEST(TrainExamples, TheLossIsTheMeanOverTheScoredTokensOfEachByItself) {
  TrainCase c = case_of_examples();
  AloneRank alone;
  const Corpus corpus(c.texts);
  const auto tokenizer = make_byte_tokenizer();
  const WindowSampler windows(*corpus, *tokenizer, c.windows());
  const Alone examples = examples_of(windows, 4);
  ASSERT_GT(examples.tokens.size(), 8u);
  double loss = 0;
  for (size_t e = 0; e < examples.tokens.size(); ++e) {
    const LocalBatch batch = make_local_batch({examples.tokens[e]}, {}, alone.rank.ring.split(), at::kDouble);
    const at::Tensor nll = alone.rank.model.evaluate(batch, c.factors(alone.rank.model)).nll;
    for (size_t t = 0; t < examples.weights[e].size(); ++t) {
      loss += examples.weights[e][t] * nll[0][static_cast<int64_t>(t)].item<double>();
    }
  }
  expect_loss_on({{1, 1}, {1, 2}, {2, 1}, {2, 2}, {1, 4}}, c, loss / examples.weight);
}

TEST(TrainExamples, TheGradientsAreThoseOfEachByItself) {
  const TrainCase c = case_of_examples();
  const Corpus corpus(c.texts);
  const auto tokenizer = make_byte_tokenizer();
  const WindowSampler windows(*corpus, *tokenizer, c.windows());
  const Alone examples = examples_of(windows, 1);
  ASSERT_GT(examples.tokens.size(), 2u);
  AloneRank alone;
  for (size_t e = 0; e < examples.tokens.size(); ++e) {
    const LocalBatch batch =
        make_local_batch({examples.tokens[e]}, {examples.weights[e]}, alone.rank.ring.split(), at::kDouble);
    alone.rank.model.forward_backward(batch, c.factors(alone.rank.model), 1 / examples.weight);
  }
  const at::Tensor wanted = alone.rank.store.flat_gradients().clone();
  for (const int ranks : {1, 2, 4}) {
    const auto shares = on_mesh<at::Tensor>({1, ranks}, [&](TinyRank& rank) {
      const Window window = windows.window(0);
      const SequenceLayout layout(rank.model.attention().split(),
                                  {{.length = std::ssize(window.tokens), .documents = window.documents}});
      rank.model.forward_backward(make_local_batch({window.tokens}, {window.weights}, layout, at::kDouble),
                                  c.factors(rank.model), 1 / examples.weight);
      return rank.store.flat_gradients().clone();
    });
    at::Tensor sum = shares[0];
    for (size_t rank = 1; rank < shares.size(); ++rank) sum = sum + shares[rank];
    EXPECT_LE((sum - wanted).norm().item<double>(), 1e-12 * wanted.norm().item<double>()) << ranks;
  }
}

TEST(TrainExamples, AnyMeshTrainsLikeOneRank) {
  TrainCase one = case_of_examples();
  one.recipe.steps = 4;
  one.mask = DocumentMask::kNone;
  const TempDir first;
  const TrainResult wanted = run_training(one, first.path());
  TrainCase many = one;
  many.shape = {2, 2};
  many.recipe.micro_batch_tokens = 64;  // windows of unequal lengths side by side
  const TempDir second;
  const TrainResult found = run_training(many, second.path());
  EXPECT_LE((found.weights[0] - wanted.weights[0]).norm().item<double>(),
            1e-11 * wanted.weights[0].norm().item<double>());
}

}  // namespace
}  // namespace ropeway
