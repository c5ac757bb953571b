#include "trainer/evaluate/perplexity.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/base/error.h"
#include "trainer/data/marked_documents.h"
#include "trainer/evaluate/score_sequences.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {
namespace {

struct WindowPlace {
  size_t document = 0;
  int64_t begin = 0;
};

// Disjoint windows of `span` tokens over all documents in order; of the text of each the end that goes into a
// window of `length` tokens.
std::vector<WindowPlace> place_windows(const MarkedDocuments& documents, int64_t length, int64_t span,
                                       int64_t max_windows) {
  const int64_t stride = documents.text_tokens(span), kept = documents.text_tokens(length);
  std::vector<WindowPlace> places;
  for (size_t d = 0; d < documents.count(); ++d) {
    for (int64_t end = stride; end <= std::ssize(documents.text(d)); end += stride) {
      if (max_windows > 0 && static_cast<int64_t>(places.size()) == max_windows) return places;
      places.push_back({d, end - kept});
    }
  }
  return places;
}

double sum(std::span<const double> values) { return std::accumulate(values.begin(), values.end(), 0.0); }

}  // namespace

PerplexityResult evaluate_perplexity(CausalLM& model, const Mesh& mesh, const Documents& documents,
                                     const FactorSet& factors, const PerplexityOptions& options) {
  const int64_t length = options.length;
  const std::string purpose = fmt::format("perplexity at length {}", length);
  if (length < 2) fail(ErrorKind::kConfig, "{}: wanted at least 2 tokens", purpose);
  if (options.align_to != 0 && options.align_to < length) {
    fail(ErrorKind::kConfig, "{}: windows cannot be aligned to the shorter length {}", purpose,
         options.align_to);
  }
  ROPEWAY_CHECK(options.tail_tokens > 0, "tail_tokens {}", options.tail_tokens);
  require_texts(documents, purpose);
  const int64_t span = std::max(length, options.align_to);
  const MarkedDocuments framed(documents, {options.start, {}});
  require_document_of(framed, span, purpose);
  const std::vector<WindowPlace> places = place_windows(framed, length, span, options.max_windows);

  // What is predicted at these first positions is the start itself.
  const int64_t skipped = std::max<int64_t>(0, std::ssize(options.start) - 1);
  const int64_t targets = length - 1 - skipped, tail = std::min(options.tail_tokens, targets);
  PerplexityResult result;
  result.length = length;
  result.windows = static_cast<int64_t>(places.size());
  result.predicted_tokens = result.windows * targets;
  double total = 0, total_bytes = 0, tail_total = 0, tail_bytes = 0;

  const SequenceSet sequences = {
      result.windows, length, [&](int64_t index) {
        const WindowPlace& place = places[static_cast<size_t>(index)];
        return SequenceToScore{framed.window(place.document, place.begin, length), skipped};
      }};
  score_sequences(model, mesh, factors, sequences, purpose, [&](int64_t index, const SequenceScore& score) {
    total += sum(score.nll);  // 0 at the skipped ones
    tail_total += sum(score.nll.last(static_cast<size_t>(tail)));
    // Bytes of the predicted tokens at their document's own rate: exact for the byte-level tokenizer.
    const size_t document = places[static_cast<size_t>(index)].document;
    const double bytes_per_token =
        static_cast<double>(documents.bytes(document)) / static_cast<double>(framed.text(document).size());
    total_bytes += static_cast<double>(targets) * bytes_per_token;
    tail_bytes += static_cast<double>(tail) * bytes_per_token;
    if (options.keep_token_nll) {
      result.token_nll.insert(result.token_nll.end(), score.nll.begin(), score.nll.end());
    }
  });

  result.nll = total / static_cast<double>(result.predicted_tokens);
  result.perplexity = std::exp(result.nll);
  result.bits_per_byte = total / std::log(2.0) / total_bytes;
  result.tail_bits_per_byte = tail_total / std::log(2.0) / tail_bytes;
  return result;
}

}  // namespace ropeway
