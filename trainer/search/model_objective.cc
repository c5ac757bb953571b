// The losses of single tokens are gathered in the order of positions and summed in double precision: the mean
// does not depend on how many ranks share the sequence, but for the rounding of each token's own loss.
#include "trainer/search/model_objective.h"

#include <cmath>
#include <limits>

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

class ModelObjective : public Objective {
 public:
  ModelObjective(CausalLM& model, const Mesh& mesh, const Documents& validation, const Documents& train,
                 const Tokenizer& tokenizer, const ModelObjectiveOptions& options)
      : model_(model),
        row_(mesh.group(Axis::kSequence)),
        tokenizer_(tokenizer),
        options_(options),
        gradient_windows_(train, {.length = options.length,
                                  .seed = options.seed,
                                  .packing = options.packing,
                                  .marks = options.marks,
                                  .weights = options.weights}) {
    const int64_t wanted = options.documents + options.finalist_documents;
    const MarkedDocuments framed(validation, {options.marks.before, {}});
    windows_ = whole_document_windows(framed, options.length, wanted);
    if (static_cast<int64_t>(windows_.size()) < wanted) {
      fail(ErrorKind::kBadData,
           "the validation text has {} disjoint windows of {} tokens ({} documents, {} tokens in all), "
           "wanted {}: {} to rank candidates and {} for finalists",
           windows_.size(), options.length, validation.count(), validation.total_tokens(), wanted,
           options.documents, options.finalist_documents);
    }
    fingerprint_ =
        fmt::format("{}+{}+{}", validation.fingerprint(), train.fingerprint(), tokenizer.fingerprint());
    if (options.packing == Packing::kConcat) fingerprint_ += "+joined";
    if (!options.marks.before.empty()) {
      fingerprint_ += fmt::format("+{}", describe(DocumentMarks{options.marks.before, {}}));
    }
  }

  int64_t num_documents() const override { return options_.documents; }
  int64_t num_finalist_documents() const override { return options_.finalist_documents; }
  const std::string& data_fingerprint() const override { return fingerprint_; }

  DocumentScore score(const Candidate& candidate, int64_t index, int64_t length) override {
    const std::vector<int32_t>& window = windows_.at(index);
    const int64_t tokens = length == 0 ? options_.length : length;
    return mean_losses(candidate, {window.begin(), window.begin() + tokens});
  }

  DocumentScore score_finalist(const Candidate& candidate, int64_t index) override {
    const std::vector<int32_t>& window = windows_.at(options_.documents + index);
    DocumentScore result = mean_losses(candidate, window);
    const std::vector<int32_t>& start = options_.marks.before;
    if (!passkey_fits(tokenizer_, options_.length, std::ssize(start))) return result;
    // Needles at different depths, evenly spread over the finalist documents.
    const PasskeySample sample = make_passkey_sample(
        tokenizer_, window,
        {.length = options_.length,
         .depth = (static_cast<double>(index) + 0.5) / static_cast<double>(options_.finalist_documents),
         .seed = options_.seed,
         .index = static_cast<uint64_t>(index),
         .start = start});
    const std::vector<double> losses = losses_of(candidate, sample.tokens);
    result.needle_nll = mean(losses, sample.answer_begin - 1, sample.answer_count);
    return result;
  }

  Gradient gradient(const Candidate& candidate, int64_t draw) override {
    const std::vector<int32_t> window = gradient_windows_.window(draw);
    const LocalBatch batch =
        make_local_batch({window}, gradient_weights(), model_.attention().split(), options_.dtype);
    const double targets = static_cast<double>(options_.length - 1);
    CausalLM::FactorResult share = model_.factor_gradient(batch, factor_set(candidate), 1 / targets);
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
    set.max_length = options_.length;
    set.factors = candidate.factors;
    set.attention_temperature = candidate.temperature;
    set.start_tokens = candidate.start_tokens;
    return set;
  }

  // Of one sequence: weights[t] of the loss of target t. Their sum over all targets is that of a plain mean.
  std::vector<std::vector<float>> gradient_weights() const {
    if (options_.tail_weight == 0) return {};
    const int64_t targets = options_.length - 1, tail = tail_of(targets);
    const double share = static_cast<double>(targets) / static_cast<double>(tail);
    std::vector<float> weights(targets, static_cast<float>(1 - options_.tail_weight));
    for (int64_t t = targets - tail; t < targets; ++t)
      weights[t] += static_cast<float>(options_.tail_weight * share);
    return {weights};
  }

  // losses[t]: of predicting tokens[t+1]; tokens.size() - 1 of them.
  std::vector<double> losses_of(const Candidate& candidate, const std::vector<int32_t>& tokens) {
    std::vector<double> losses = token_losses(model_, row_, factor_set(candidate), {tokens}).nll;
    losses.pop_back();
    return losses;
  }

  static double mean(const std::vector<double>& losses, int64_t begin, int64_t count) {
    double sum = 0;
    for (int64_t t = begin; t < begin + count; ++t) sum += losses[t];
    const double result = sum / static_cast<double>(count);
    return std::isfinite(result) ? result : std::numeric_limits<double>::infinity();
  }

  DocumentScore mean_losses(const Candidate& candidate, const std::vector<int32_t>& tokens) {
    const std::vector<double> losses = losses_of(candidate, tokens);
    const auto targets = static_cast<int64_t>(losses.size());
    const int64_t tail = tail_of(targets);
    return {mean(losses, 0, targets), mean(losses, targets - tail, tail), 0};
  }

  CausalLM& model_;
  Communicator& row_;  // the ranks that share a sequence
  const Tokenizer& tokenizer_;
  ModelObjectiveOptions options_;
  GradientWindows gradient_windows_;
  std::vector<std::vector<int32_t>> windows_;  // the ranked ones, then the finalists'
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
