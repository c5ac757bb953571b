// The losses of single tokens are gathered in the order of positions and summed in double precision: the mean
// does not depend on how many ranks share the sequence, but for the rounding of each token's own loss.
#include "trainer/search/model_objective.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "parallel/attention/sequence_attention.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/mesh.h"
#include "trainer/data/documents.h"
#include "trainer/data/gradient_windows.h"
#include "trainer/data/marked_documents.h"
#include "trainer/data/passkey.h"
#include "trainer/model/causal_lm.h"
#include "trainer/model/local_batch.h"
#include "trainer/model/token_losses.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {
namespace {

int64_t tail_of(int64_t targets) { return (targets + 3) / 4; }

// Of the predictions of a sequence's first `tokens` tokens those that count; of an example all, where none
// does before.
std::vector<int64_t> targets_within(const SearchSequence& sequence, int64_t tokens) {
  std::vector<int64_t> targets;
  if (!sequence.targets) {
    targets.resize(static_cast<size_t>(tokens - 1));
    std::iota(targets.begin(), targets.end(), 0);
    return targets;
  }
  for (const int64_t target : *sequence.targets) {
    if (target + 1 < tokens) targets.push_back(target);
  }
  return targets.empty() ? *sequence.targets : targets;
}

class ModelObjective : public Objective {
 public:
  ModelObjective(CausalLM& model, const Mesh& mesh, const Documents& validation, const Documents& train,
                 const Tokenizer& tokenizer, const ModelObjectiveOptions& options)
      : model_(model),
        row_(mesh.group(Axis::kSequence)),
        tokenizer_(tokenizer),
        options_(options),
        gradient_windows_(train, {.length = options.sequences.length,
                                  .seed = options.seed,
                                  .packing = options.packing,
                                  .marks = options.marks,
                                  .weights = options.weights,
                                  .of_examples = holds_examples(validation)}),
        sequences_(search_sequences(validation, options.marks, options.sequences)) {
    fingerprint_ =
        fmt::format("{}+{}+{}", validation.fingerprint(), train.fingerprint(), tokenizer.fingerprint());
    if (options.packing == Packing::kConcat) fingerprint_ += "+joined";
    if (!options.marks.before.empty()) {
      fingerprint_ += fmt::format("+{}", describe(DocumentMarks{options.marks.before, {}}));
    }
    if (holds_examples(validation)) fingerprint_ += "+examples";
  }

  int64_t num_documents() const override { return options_.sequences.ranking; }
  int64_t num_finalist_documents() const override { return options_.sequences.finalists; }
  const std::string& data_fingerprint() const override { return fingerprint_; }
  int64_t num_targets() const override { return options_.sequences.length - 1; }

  DocumentScore score(const Candidate& candidate, int64_t index, int64_t length) override {
    const SearchSequence& sequence = sequences_.at(static_cast<size_t>(index));
    return mean_losses(candidate, sequence, length == 0 ? options_.sequences.length : length);
  }

  DocumentScore score_finalist(const Candidate& candidate, int64_t index) override {
    const SearchSequence& sequence = sequences_.at(static_cast<size_t>(num_documents() + index));
    const int64_t length = options_.sequences.length;
    DocumentScore result = mean_losses(candidate, sequence, length, true);
    const std::vector<int32_t>& start = options_.marks.before;
    if (sequence.targets || !passkey_fits(tokenizer_, length, std::ssize(start))) return result;
    // Needles at different depths, evenly spread over the finalist documents.
    const PasskeySample sample = make_passkey_sample(
        tokenizer_, sequence.tokens,
        {.length = length,
         .depth = (static_cast<double>(index) + 0.5) / static_cast<double>(num_finalist_documents()),
         .seed = options_.seed,
         .index = static_cast<uint64_t>(index),
         .start = start});
    std::vector<int64_t> answer(static_cast<size_t>(sample.answer_count));
    std::iota(answer.begin(), answer.end(), sample.answer_begin - 1);
    result.needle_nll = mean(losses_of(candidate, sample.tokens), answer);
    return result;
  }

  Gradient gradient(const Candidate& candidate, int64_t draw) override {
    const SearchSequence window = gradient_windows_.window(draw);
    const std::vector<int64_t> targets = targets_within(window, std::ssize(window.tokens));
    const LocalBatch batch = make_local_batch({window.tokens}, gradient_weights(window, targets),
                                              model_.attention().split(), options_.dtype);
    const double count = std::max<double>(1, static_cast<double>(targets.size()));
    CausalLM::FactorResult share = model_.factor_gradient(batch, factor_set(candidate), 1 / count);
    std::vector<double> sums = std::move(share.gradient.log_factors);
    sums.push_back(share.gradient.log_temperature);
    sums.push_back(share.loss);
    all_reduce_sum(row_, sums);
    Gradient result;
    result.nll = sums.back();
    result.log_temperature = sums[sums.size() - 2];
    result.log_factors.assign(sums.begin(), sums.end() - 2);
    return result;
  }

 private:
  FactorSet factor_set(const Candidate& candidate) const {
    FactorSet set = model_.identity();
    set.name = candidate.origin;
    set.max_length = options_.sequences.length;
    set.factors = candidate.factors;
    set.attention_temperature = candidate.temperature;
    set.start_tokens = candidate.start_tokens;
    return set;
  }

  // weights[t] of the loss of prediction t, 0 where it does not count. Their sum is that of a plain mean.
  std::vector<std::vector<float>> gradient_weights(const SearchSequence& window,
                                                   const std::vector<int64_t>& targets) const {
    if (options_.tail_weight == 0 && !window.targets) return {};
    const int64_t count = std::ssize(targets), tail = tail_of(count);
    std::vector<float> weights(window.tokens.size() - 1, 0);
    for (int64_t i = 0; i < count; ++i) {
      float& weight = weights[static_cast<size_t>(targets[static_cast<size_t>(i)])];
      weight = static_cast<float>(1 - options_.tail_weight);
      if (i < count - tail) continue;
      const double share = static_cast<double>(count) / static_cast<double>(tail);
      weight += static_cast<float>(options_.tail_weight * share);
    }
    return {weights};
  }

  // losses[t]: of predicting tokens[t+1]; tokens.size() - 1 of them.
  std::vector<double> losses_of(const Candidate& candidate, const std::vector<int32_t>& tokens) {
    std::vector<double> losses = token_losses(model_, row_, factor_set(candidate), {tokens}).nll;
    losses.pop_back();
    return losses;
  }

  static double mean(const std::vector<double>& losses, std::span<const int64_t> targets) {
    double sum = 0;
    for (const int64_t t : targets) sum += losses[static_cast<size_t>(t)];
    const double result = sum / static_cast<double>(targets.size());
    return std::isfinite(result) ? result : std::numeric_limits<double>::infinity();
  }

  // Of the first `length` tokens. An example may have fewer targets than there are blocks: a block without one has
  // the mean of all.
  DocumentScore mean_losses(const Candidate& candidate, const SearchSequence& sequence, int64_t length,
                            bool by_block = false) {
    const int64_t size = std::ssize(sequence.tokens);
    const std::vector<int64_t> targets = targets_within(sequence, std::min(length, size));
    const int64_t read = std::min(size, std::max(length, targets.back() + 2));
    const std::vector<double> losses =
        losses_of(candidate, {sequence.tokens.begin(), sequence.tokens.begin() + read});
    const std::span<const int64_t> all = targets;
    const int64_t count = std::ssize(all);
    DocumentScore score{mean(losses, all), mean(losses, all.last(static_cast<size_t>(tail_of(count)))), 0};
    for (int64_t b = 0; by_block && b < kScoreBlocks; ++b) {
      const auto begin = static_cast<size_t>(b * count / kScoreBlocks);
      const auto end = static_cast<size_t>((b + 1) * count / kScoreBlocks);
      score.blocks.push_back(begin == end ? score.nll : mean(losses, all.subspan(begin, end - begin)));
    }
    return score;
  }

  CausalLM& model_;
  Communicator& row_;  // the ranks that share a sequence
  const Tokenizer& tokenizer_;
  ModelObjectiveOptions options_;
  GradientWindows gradient_windows_;
  std::vector<SearchSequence> sequences_;  // the ranked ones, then the finalists'
  std::string fingerprint_;
};

}  // namespace

std::unique_ptr<Objective> make_model_objective(CausalLM& model, const Mesh& mesh,
                                                const Documents& validation, const Documents& train,
                                                const Tokenizer& tokenizer,
                                                const ModelObjectiveOptions& options) {
  return std::make_unique<ModelObjective>(model, mesh, validation, train, tokenizer, options);
}

}  // namespace ropeway
