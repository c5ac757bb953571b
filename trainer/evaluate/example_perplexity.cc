// Attention sees only what comes before, so an example may be padded behind its end without a change to its
// figures. It is padded to half, a quarter, ... of the length, the shortest it fits into: examples of about one
// size go through the model together.
#include "trainer/evaluate/example_perplexity.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "kernels/base/error.h"
#include "trainer/data/documents.h"
#include "trainer/data/marked_documents.h"
#include "trainer/score/score_sequences.h"

namespace ropeway {
namespace {

// Documents by the length that they are padded to.
using Groups = std::map<int64_t, std::vector<size_t>>;

Groups groups_of(const MarkedDocuments& examples, const ExampleOptions& options) {
  constexpr int64_t kShortest = 64;  // tokens that are not worth another group
  Groups groups;
  int64_t taken = 0;
  for (size_t d = 0; d < examples.count(); ++d) {
    const int64_t size = examples.size(d);
    if (size > options.length || (options.max_examples > 0 && taken == options.max_examples)) continue;
    ++taken;
    int64_t length = options.length;
    while (length / 2 >= std::max(size, kShortest)) length /= 2;
    groups[length].push_back(d);
  }
  return groups;
}

SequenceToScore sequence_of(const MarkedDocuments& examples, size_t document, int64_t length) {
  const auto size = static_cast<size_t>(examples.size(document));
  const std::vector<float> scored = examples.scored(document);
  SequenceToScore sequence;
  sequence.tokens.assign(static_cast<size_t>(length), 0);
  examples.copy(document, 0, std::span(sequence.tokens).first(size));
  // A prediction stands where the token before it is.
  const auto first = std::ranges::find_if(scored, [](float weight) { return weight > 0; }) - scored.begin();
  sequence.score_from = std::clamp<int64_t>(first - 1, 0, length - 2);
  return sequence;
}

// Of one example.
struct Loss {
  std::vector<double> scored;    // of each scored token
  std::vector<float> by_places;  // when asked for
};

double last_of(const std::vector<double>& values, int64_t count) {
  double sum = 0;
  for (size_t i = values.size() - static_cast<size_t>(count); i < values.size(); ++i) sum += values[i];
  return sum;
}

}  // namespace

PerplexityResult evaluate_examples(const ScoreSequences& score, const Documents& documents,
                                   const ExampleOptions& options) {
  const std::string purpose = fmt::format("loss of examples at length {}", options.length);
  if (options.length < 2) fail(ErrorKind::kConfig, "{}: wanted at least 2 tokens", purpose);
  if (!holds_examples(documents)) {
    fail(ErrorKind::kBadData, "{}: {}: no examples, wanted those for the {}",
         documents.sources().front().name, documents.sources().front().kind, purpose);
  }
  const MarkedDocuments examples(documents, options.marks);
  require_scored(examples, options.length, purpose);
  std::map<size_t, Loss> losses;  // by document, so that sums are in their order
  for (const auto& [length, members] : groups_of(examples, options)) {
    const SequenceSet sequences = {std::ssize(members), length, [&, length = length](int64_t index) {
                                     return sequence_of(examples, members[static_cast<size_t>(index)],
                                                        length);
                                   }};
    score(sequences, purpose, [&](int64_t index, const SequenceScore& found) {
      const size_t document = members[static_cast<size_t>(index)];
      const std::vector<float> scored = examples.scored(document);
      Loss& loss = losses[document];
      if (options.keep_token_nll) loss.by_places.assign(static_cast<size_t>(options.length - 1), 0);
      for (size_t t = 0; t + 1 < scored.size(); ++t) {
        if (scored[t + 1] == 0) continue;
        loss.scored.push_back(found.nll[t]);
        if (options.keep_token_nll) loss.by_places[t] = static_cast<float>(found.nll[t]);
      }
    });
  }

  PerplexityResult result;
  result.length = options.length;
  double total = 0, tail_total = 0, means = 0;
  std::vector<TargetRun> tails;
  for (const auto& [document, loss] : losses) {
    const auto targets = std::ssize(loss.scored), tail = std::min(options.tail_tokens, targets);
    if (targets == 0) continue;
    // At the example's own rate: what is scored need not be one stretch of text.
    const double bytes_per_token = static_cast<double>(documents.bytes(document)) /
                                   static_cast<double>(documents.tokens(document).size());
    const double nll = last_of(loss.scored, targets), tail_nll = last_of(loss.scored, tail);
    result.predicted_tokens += targets;
    total += nll;
    means += nll / static_cast<double>(targets);
    tail_total += tail_nll;
    result.runs.push_back({nll, targets, static_cast<double>(targets) * bytes_per_token});
    tails.push_back({tail_nll, tail, static_cast<double>(tail) * bytes_per_token});
    result.token_nll.insert(result.token_nll.end(), loss.by_places.begin(), loss.by_places.end());
  }
  if (result.predicted_tokens == 0) {
    fail(ErrorKind::kBadData, "{}: the examples have no scored token that another one comes before", purpose);
  }
  result.windows = std::ssize(result.runs);
  add_means({total, tail_total, means}, tails, result);
  return result;
}

}  // namespace ropeway
