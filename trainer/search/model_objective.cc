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
#include "trainer/search/finalists.h"
#include "trainer/tasks/needle_document.h"

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
    if (scores_needles()) {
      require_texts(validation, "a search by needles");
      num_needles_ = count_needles();
    }
  }

  int64_t num_documents() const override { return options_.sequences.ranking; }
  int64_t num_finalist_documents() const override { return options_.sequences.finalists; }
  const std::string& data_fingerprint() const override { return fingerprint_; }
  int64_t num_targets() const override { return options_.sequences.length - 1; }
  int64_t num_needles() const override { return num_needles_; }

  DocumentScore score(const Candidate& candidate, int64_t index, int64_t length) override {
    const SearchSequence& sequence = sequences_.at(static_cast<size_t>(index));
    if (length == 0) length = options_.sequences.length;
    if (!scores_needles()) return mean_losses(candidate, sequence, length);
    // As of an example that is cut before its answer: whole.
    if (needles_that_fit(tokenizer_, needle_options(place_of(index, length))) == 0) {
      length = options_.sequences.length;
    }
    const NeedleDocument document = needle_document(sequence.tokens, place_of(index, length));
    const std::vector<double> losses = losses_of(candidate, document.tokens);
    double fitness = mean(needle_losses(losses, document));
    if (options_.fitness == SearchFitness::kMixed) {
      fitness = mean(losses, text_targets(document)) + kNeedleWeight * fitness;
    }
    return {fitness, fitness, 0};
  }

  DocumentScore score_finalist(const Candidate& candidate, int64_t index) override {
    const SearchSequence& sequence = sequences_.at(static_cast<size_t>(num_documents() + index));
    const int64_t length = options_.sequences.length;
    DocumentScore result = mean_losses(candidate, sequence, length, true);
    if (scores_needles()) {
      const NeedleDocument document =
          needle_document(sequence.tokens, place_of(num_documents() + index, length));
      result.needles = needle_losses(losses_of(candidate, document.tokens), document);
      result.needle_nll = mean(result.needles);
      return result;
    }
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
    CausalLM::FactorResult share =
        scores_needles() ? needle_gradient(candidate, window.tokens, draw) : text_gradient(candidate, window);
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
  bool scores_needles() const { return options_.fitness != SearchFitness::kText; }

  // Which needles, and where they lie: other ones in every document, and all over it in turn.
  struct NeedlePlace {
    uint64_t index = 0;
    double offset = 0;
    int64_t length = 0, needles = 0;
  };
  NeedlePlace place_of(int64_t sequence, int64_t length) const {
    const bool ranks = sequence < num_documents();
    const int64_t of_kind = ranks ? num_documents() : num_finalist_documents();
    const int64_t number = ranks ? sequence : sequence - num_documents();
    return {static_cast<uint64_t>(sequence),
            (static_cast<double>(number) + 0.5) / static_cast<double>(of_kind), length,
            num_needles_ > 0 ? num_needles_ : options_.needles};
  }
  NeedlePlace place_of_draw(int64_t draw) const {
    constexpr uint64_t kFirstDraw = 1 << 24;
    constexpr double kGoldenRatio = 0.6180339887498949;  // its multiples fill [0, 1) evenly
    const double turns = (static_cast<double>(draw) + 0.5) * kGoldenRatio;
    return {kFirstDraw + static_cast<uint64_t>(draw), turns - std::floor(turns), options_.sequences.length,
            num_needles_};
  }
  NeedleDocumentOptions needle_options(const NeedlePlace& place) const {
    NeedleDocumentOptions options{.length = place.length,
                                  .needles = place.needles,
                                  .seed = options_.seed,
                                  .index = place.index,
                                  .start = options_.marks.before};
    if (options_.needle_depth == NeedleDepth::kSpread) options.offset = place.offset;
    return options;
  }
  NeedleDocument needle_document(const std::vector<int32_t>& haystack, const NeedlePlace& place) const {
    return make_needle_document(tokenizer_, haystack, needle_options(place));
  }
  // As many as every document has room for: the words of some are longer.
  int64_t count_needles() const {
    int64_t least = options_.needles;
    for (int64_t j = 0; j < std::ssize(sequences_); ++j) {
      const NeedleDocumentOptions options = needle_options(place_of(j, options_.sequences.length));
      require_room_for_needle(tokenizer_, options);
      least = std::min(least, needles_that_fit(tokenizer_, options));
    }
    return least;
  }
  static std::vector<double> needle_losses(const std::vector<double>& losses,
                                           const NeedleDocument& document) {
    std::vector<double> means;
    for (const TokenRange& answer : document.answers) {
      std::vector<int64_t> targets(static_cast<size_t>(answer.count));
      std::iota(targets.begin(), targets.end(), answer.begin - 1);
      means.push_back(mean(losses, targets));
    }
    return means;
  }
  static std::vector<int64_t> text_targets(const NeedleDocument& document) {
    std::vector<int64_t> targets;
    for (const TokenRange& stretch : document.text) {
      for (int64_t t = 0; t < stretch.count; ++t) {
        if (stretch.begin + t > 0) targets.push_back(stretch.begin + t - 1);
      }
    }
    return targets;
  }

  CausalLM::FactorResult text_gradient(const Candidate& candidate, const SearchSequence& window) {
    const std::vector<int64_t> targets = targets_within(window, std::ssize(window.tokens));
    const LocalBatch batch = make_local_batch({window.tokens}, gradient_weights(window, targets),
                                              model_.attention().split(), options_.dtype);
    const double count = std::max<double>(1, static_cast<double>(targets.size()));
    return model_.factor_gradient(batch, factor_set(candidate), 1 / count);
  }
  // Weights of a prediction: its share in the fitness.
  CausalLM::FactorResult needle_gradient(const Candidate& candidate, const std::vector<int32_t>& haystack,
                                         int64_t draw) {
    const NeedleDocument document = needle_document(haystack, place_of_draw(draw));
    std::vector<float> weights(document.tokens.size() - 1, 0);
    const bool mixed = options_.fitness == SearchFitness::kMixed;
    if (mixed) {
      const std::vector<int64_t> targets = text_targets(document);
      add_text_weights(targets, 1 / static_cast<double>(targets.size()), weights);
    }
    const double needle = (mixed ? kNeedleWeight : 1) / static_cast<double>(document.answers.size());
    for (const TokenRange& answer : document.answers) {
      for (int64_t t = 0; t < answer.count; ++t) {
        weights[static_cast<size_t>(answer.begin - 1 + t)] +=
            static_cast<float>(needle / static_cast<double>(answer.count));
      }
    }
    const LocalBatch batch =
        make_local_batch({document.tokens}, {weights}, model_.attention().split(), options_.dtype);
    return model_.factor_gradient(batch, factor_set(candidate), 1);
  }

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
    std::vector<float> weights(window.tokens.size() - 1, 0);
    add_text_weights(targets, 1, weights);
    return {weights};
  }
  // each: of a prediction where the tail has no weight of its own.
  void add_text_weights(const std::vector<int64_t>& targets, double each, std::vector<float>& weights) const {
    const int64_t count = std::ssize(targets), tail = tail_of(count);
    for (int64_t i = 0; i < count; ++i) {
      float& weight = weights[static_cast<size_t>(targets[static_cast<size_t>(i)])];
      weight = static_cast<float>(each * (1 - options_.tail_weight));
      if (i < count - tail) continue;
      const double share = static_cast<double>(count) / static_cast<double>(tail);
      weight += static_cast<float>(each * options_.tail_weight * share);
    }
  }

  // losses[t]: of predicting tokens[t+1]; tokens.size() - 1 of them.
  std::vector<double> losses_of(const Candidate& candidate, const std::vector<int32_t>& tokens) {
    std::vector<double> losses = token_losses(model_, row_, factor_set(candidate), {tokens}).nll;
    losses.pop_back();
    return losses;
  }

  static double mean(const std::vector<double>& values) {
    const double result =
        std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
    return std::isfinite(result) ? result : std::numeric_limits<double>::infinity();
  }
  static double mean(const std::vector<double>& losses, std::span<const int64_t> targets) {
    double sum = 0;
    for (const int64_t t : targets) sum += losses[static_cast<size_t>(t)];
    const double result = sum / static_cast<double>(targets.size());
    return std::isfinite(result) ? result : std::numeric_limits<double>::infinity();
  }

  // Of the first `length` tokens. An example may have fewer targets than there are blocks: a block without
  // one has the mean of all.
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
  int64_t num_needles_ = 0;  // of a document
};

}  // namespace

std::unique_ptr<Objective> make_model_objective(CausalLM& model, const Mesh& mesh,
                                                const Documents& validation, const Documents& train,
                                                const Tokenizer& tokenizer,
                                                const ModelObjectiveOptions& options) {
  return std::make_unique<ModelObjective>(model, mesh, validation, train, tokenizer, options);
}

}  // namespace ropeway
