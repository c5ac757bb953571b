#include "trainer/evaluate/passkey_eval.h"

#include <optional>

#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "trainer/data/marked_documents.h"
#include "trainer/evaluate/retrieval.h"

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
    stretches_ = stretches_of(documents_, documents_.text_tokens(options.length), count());
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
    return make_passkey_sample(tokenizer_, stretches_[static_cast<size_t>(sample) % stretches_.size()],
                               passkey);
  }

 private:
  const MarkedDocuments documents_;
  const Tokenizer& tokenizer_;
  PasskeyEvalOptions options_;
  std::vector<double> depths_;
  uint64_t key_seed_;
  std::vector<std::span<const int32_t>> stretches_;
  std::optional<PublishedPasskeys> published_;
};

}  // namespace

RetrievalResult evaluate_passkey(const ScoreSequences& score, const Documents& documents,
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

  RetrievalTally tally(maker.depths(), options.samples_per_depth);
  const SequenceSet sequences = {maker.count(), options.length, [&](int64_t index) {
                                   PasskeySample sample = maker.make(index);
                                   return SequenceToScore{std::move(sample.tokens), sample.answer_begin - 1};
                                 }};
  score(sequences, purpose, [&](int64_t index, const SequenceScore& scored) {
    const PasskeySample sample = maker.make(index);
    tally.add(maker.depth_index(index), score_of_answer(scored, sample.answer_begin, sample.answer_count));
  });
  return tally.result(options.length, maker.count());
}

RetrievalResult evaluate_passkey(CausalLM& model, const Mesh& mesh, const Documents& documents,
                                 const Tokenizer& tokenizer, const FactorSet& factors,
                                 const PasskeyEvalOptions& options) {
  return evaluate_passkey(scores_of(model, mesh, factors), documents, tokenizer, options);
}

}  // namespace ropeway
