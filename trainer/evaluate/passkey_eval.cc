#include "trainer/evaluate/passkey_eval.h"

#include <optional>

#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "trainer/data/marked_documents.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {
namespace {

// Sample i: all depths once, then all again. Its haystack is stretch i of the documents, from the first again
// when they are used up, or that of the published task.
class SampleMaker {
 public:
  SampleMaker(const Documents& documents, const Tokenizer& tokenizer, const PasskeyEvalOptions& options)
      : documents_(documents, {options.start, {}}),
        tokenizer_(tokenizer),
        options_(options),
        depths_(spread_depths(options.depths)),
        // Other keys than those of training windows with the same seed.
        key_seed_(Philox(options.seed, Stream::kEvaluation).next_u64()) {
    if (options.haystack == Haystack::kPublished) {
      published_.emplace(tokenizer);
      return;
    }
    const int64_t stride = documents_.text_tokens(options.length);
    for (size_t d = 0; d < documents_.count(); ++d) {
      for (int64_t begin = 0; begin + stride <= std::ssize(documents_.text(d)); begin += stride) {
        if (static_cast<int64_t>(stretches_.size()) == count()) return;
        stretches_.push_back({d, begin});
      }
    }
  }

  int64_t count() const { return options_.depths * options_.samples_per_depth; }
  const std::vector<double>& depths() const { return depths_; }
  size_t depth_index(int64_t sample) const { return static_cast<size_t>(sample % options_.depths); }

  PasskeySample make(int64_t sample) const {
    const PasskeyOptions passkey = {.length = options_.length,
                                    .depth = depths_[depth_index(sample)],
                                    .seed = key_seed_,
                                    .index = static_cast<uint64_t>(sample),
                                    .start = options_.start};
    if (published_) return published_->make(passkey);
    const auto [document, begin] = stretches_[static_cast<size_t>(sample) % stretches_.size()];
    const auto haystack = documents_.text(document).subspan(
        static_cast<size_t>(begin), static_cast<size_t>(documents_.text_tokens(options_.length)));
    return make_passkey_sample(tokenizer_, haystack, passkey);
  }

 private:
  struct Stretch {
    size_t document;
    int64_t begin;
  };
  const MarkedDocuments documents_;
  const Tokenizer& tokenizer_;
  PasskeyEvalOptions options_;
  std::vector<double> depths_;
  uint64_t key_seed_;
  std::vector<Stretch> stretches_;
  std::optional<PublishedPasskeys> published_;
};

}  // namespace

std::vector<double> spread_depths(int64_t count) {
  if (count == 1) return {0.5};
  std::vector<double> depths;
  for (int64_t i = 0; i < count; ++i) {
    depths.push_back(static_cast<double>(i) / static_cast<double>(count - 1));
  }
  return depths;
}

PasskeyResult evaluate_passkey(const ScoreSequences& score, const Documents& documents,
                               const Tokenizer& tokenizer, const PasskeyEvalOptions& options) {
  const std::string purpose = fmt::format("passkey at length {}", options.length);
  require_texts(documents, purpose);
  if (options.length < 2) fail(ErrorKind::kConfig, "{}: wanted at least 2 tokens", purpose);
  if (options.depths < 1 || options.samples_per_depth < 1) {
    fail(ErrorKind::kConfig, "{}: {} depths with {} samples each, wanted at least one", purpose,
         options.depths, options.samples_per_depth);
  }
  if (options.haystack == Haystack::kText) {
    require_document_of(MarkedDocuments(documents, {options.start, {}}), options.length, purpose);
  }
  const SampleMaker maker(documents, tokenizer, options);

  PasskeyResult result;
  result.length = options.length;
  result.samples = maker.count();
  result.depths = maker.depths();
  std::vector<int64_t> right(result.depths.size(), 0);
  double total_nll = 0;
  int64_t answer_tokens = 0;
  const SequenceSet sequences = {maker.count(), options.length, [&](int64_t index) {
                                   PasskeySample sample = maker.make(index);
                                   return SequenceToScore{std::move(sample.tokens), sample.answer_begin - 1};
                                 }};
  score(sequences, purpose, [&](int64_t index, const SequenceScore& scored) {
    const PasskeySample sample = maker.make(index);
    bool all_right = true;
    for (int64_t i = 0; i < sample.answer_count; ++i) {
      const size_t t = static_cast<size_t>(sample.answer_begin + i - 1);
      total_nll += scored.nll[t];
      all_right = all_right && scored.correct[t] != 0;
    }
    answer_tokens += sample.answer_count;
    right[maker.depth_index(index)] += all_right ? 1 : 0;
  });

  for (const int64_t count : right) {
    result.right += count;
    result.depth_accuracy.push_back(static_cast<double>(count) /
                                    static_cast<double>(options.samples_per_depth));
  }
  result.accuracy = static_cast<double>(result.right) / static_cast<double>(result.samples);
  result.interval = interval_of_share(static_cast<double>(result.right), result.samples);
  result.answer_nll = total_nll / static_cast<double>(answer_tokens);
  return result;
}

PasskeyResult evaluate_passkey(CausalLM& model, const Mesh& mesh, const Documents& documents,
                               const Tokenizer& tokenizer, const FactorSet& factors,
                               const PasskeyEvalOptions& options) {
  return evaluate_passkey(scores_of(model, mesh, factors), documents, tokenizer, options);
}

}  // namespace ropeway
