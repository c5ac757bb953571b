// Losses of token t's prediction are brought together in position order and summed in double precision,
// whoever computed them: the mean does not depend on how many ranks share the sequence beyond the rounding of
// each token's own loss.
#include "trainer/search/model_objective.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/mesh.h"
#include "trainer/data/documents.h"
#include "trainer/data/passkey.h"
#include "trainer/model/causal_lm.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {
namespace {

int64_t tail_of(int64_t targets) { return (targets + 3) / 4; }

class ModelObjective : public Objective {
 public:
  ModelObjective(CausalLM& model, const Mesh& mesh, const Documents& validation, const Documents& train,
                 const Tokenizer& tokenizer, const ModelObjectiveOptions& options)
      : model_(model), mesh_(mesh), train_(train), tokenizer_(tokenizer), options_(options) {
    const int64_t wanted = options.documents + options.finalist_documents;
    windows_ = whole_document_windows(validation, options.length, wanted);
    if (static_cast<int64_t>(windows_.size()) < wanted) {
      fail(ErrorKind::kBadData,
           "the validation text has {} disjoint windows of {} tokens ({} documents, {} tokens in all), "
           "wanted {}: {} to "
           "rank candidates and {} for finalists",
           windows_.size(), options.length, validation.count(), validation.total_tokens(), wanted,
           options.documents, options.finalist_documents);
    }
    require_document_of(train, options.length, "gradient steps of the search");
    fingerprint_ = validation.fingerprint() + "+" + train.fingerprint() + "+" + tokenizer.fingerprint();
    int64_t starts = 0;
    for (size_t d = 0; d < train.count(); ++d) {
      starts += std::max<int64_t>(0, static_cast<int64_t>(train.tokens(d).size()) - options.length + 1);
      cumulative_starts_.push_back(starts);
    }
  }

  int64_t num_documents() const override { return options_.documents; }
  int64_t num_finalist_documents() const override { return options_.finalist_documents; }
  int64_t parallel_scores() const override { return mesh_.size(Axis::kData); }
  const std::string& data_fingerprint() const override { return fingerprint_; }

  DocumentScore score(const Candidate& candidate, int64_t index, int64_t length) override {
    const std::vector<int32_t>& window = windows_.at(index);
    const int64_t tokens = length == 0 ? options_.length : length;
    return mean_losses(candidate, {window.begin(), window.begin() + tokens});
  }

  DocumentScore score_finalist(const Candidate& candidate, int64_t index) override {
    const std::vector<int32_t>& window = windows_.at(options_.documents + index);
    DocumentScore result = mean_losses(candidate, window);
    if (!passkey_fits(tokenizer_, options_.length)) return result;  // a window too short to ask for anything
    // Needles at different depths: evenly spread over the finalist documents.
    const PasskeySample sample = make_passkey_sample(
        tokenizer_, window,
        {.length = options_.length,
         .depth = (static_cast<double>(index) + 0.5) / static_cast<double>(options_.finalist_documents),
         .seed = options_.seed,
         .index = static_cast<uint64_t>(index)});
    const std::vector<double> losses = token_losses(candidate, sample.tokens);
    result.needle_nll = mean(losses, sample.answer_begin - 1, sample.answer_count);
    return result;
  }

  std::vector<std::vector<double>> score_all(const std::vector<Candidate>& candidates,
                                             const std::vector<int64_t>& documents, int64_t length) override {
    const size_t columns = documents.size();
    std::vector<double> flat(candidates.size() * columns, 0.0);
    for (size_t k = mesh_.index(Axis::kData); k < flat.size(); k += mesh_.size(Axis::kData)) {
      flat[k] = score(candidates[k / columns], documents[k % columns], length).nll;
    }
    // One row computed each figure and the others add zero, so the sum is that figure, bit for bit.
    if (mesh_.size(Axis::kData) > 1) all_reduce_sum(mesh_.group(Axis::kData), flat);
    std::vector<std::vector<double>> result;
    for (size_t i = 0; i < candidates.size(); ++i) {
      result.emplace_back(flat.begin() + i * columns, flat.begin() + (i + 1) * columns);
    }
    return result;
  }

  Gradient gradient(const Candidate& candidate, int64_t draw) override {
    const LocalBatch batch = make_local_batch({gradient_document(draw)}, gradient_weights(),
                                              model_.attention().split(), options_.dtype);
    const double targets = static_cast<double>(options_.length - 1);
    CausalLM::FactorResult share = model_.factor_gradient(batch, factor_set(candidate), 1 / targets);
    std::vector<double> sums = std::move(share.gradient.log_factors);
    sums.push_back(share.gradient.log_temperature);
    sums.push_back(share.loss);
    all_reduce_sum(mesh_.group(Axis::kSequence), sums);
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

  // A window of the training text: the document in proportion to its number of windows, then a uniform start.
  std::vector<int32_t> gradient_document(int64_t draw) const {
    Philox random(options_.seed, Stream::kSearchData, static_cast<uint64_t>(draw));
    const auto chosen = static_cast<int64_t>(random.below(static_cast<uint64_t>(cumulative_starts_.back())));
    const auto document = std::upper_bound(cumulative_starts_.begin(), cumulative_starts_.end(), chosen);
    const int64_t before = document == cumulative_starts_.begin() ? 0 : *(document - 1);
    const auto tokens = train_.tokens(document - cumulative_starts_.begin());
    return {tokens.begin() + (chosen - before), tokens.begin() + (chosen - before) + options_.length};
  }

  // Of one sequence, weights[t] of the loss of target t: their sum over all targets is what a plain mean's
  // would be.
  std::vector<std::vector<float>> gradient_weights() const {
    if (options_.tail_weight == 0) return {};
    const int64_t targets = options_.length - 1, tail = tail_of(targets);
    const double share = static_cast<double>(targets) / static_cast<double>(tail);
    std::vector<float> weights(targets, static_cast<float>(1 - options_.tail_weight));
    for (int64_t t = targets - tail; t < targets; ++t)
      weights[t] += static_cast<float>(options_.tail_weight * share);
    return {weights};
  }

  // losses[t]: of predicting tokens[t+1]; tokens.size() - 1 of them, on every rank of the row.
  std::vector<double> token_losses(const Candidate& candidate, const std::vector<int32_t>& tokens) {
    const LocalBatch batch = make_local_batch({tokens}, {}, model_.attention().split(), options_.dtype);
    const at::Tensor local = model_.evaluate(batch, factor_set(candidate)).nll.to(at::kDouble).contiguous();
    Communicator& group = mesh_.group(Axis::kSequence);
    const int64_t n = local.numel();
    std::vector<double> gathered(n * group.size());
    group.all_gather(local.data_ptr<double>(), gathered.data(), n * static_cast<int64_t>(sizeof(double)));
    std::vector<double> losses(gathered.size());
    for (int rank = 0; rank < group.size(); ++rank) {
      const std::vector<int64_t> positions = batch.layout.positions_of(rank, 0);
      for (int64_t i = 0; i < n; ++i) losses[positions[i]] = gathered[rank * n + i];
    }
    losses.resize(tokens.size() - 1);
    return losses;
  }

  static double mean(const std::vector<double>& losses, int64_t begin, int64_t count) {
    double sum = 0;
    for (int64_t t = begin; t < begin + count; ++t) sum += losses[t];
    const double result = sum / static_cast<double>(count);
    return std::isfinite(result) ? result : std::numeric_limits<double>::infinity();
  }

  DocumentScore mean_losses(const Candidate& candidate, const std::vector<int32_t>& tokens) {
    const std::vector<double> losses = token_losses(candidate, tokens);
    const auto targets = static_cast<int64_t>(losses.size());
    const int64_t tail = tail_of(targets);
    return {mean(losses, 0, targets), mean(losses, targets - tail, tail), 0};
  }

  CausalLM& model_;
  const Mesh& mesh_;
  const Documents& train_;
  const Tokenizer& tokenizer_;
  ModelObjectiveOptions options_;
  std::vector<std::vector<int32_t>> windows_;  // the ranked ones, then the finalists'
  std::vector<int64_t> cumulative_starts_;     // over training documents
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
