#include "trainer/data/search_sequences.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/config/lengths.h"
#include "trainer/data/documents.h"
#include "trainer/data/marked_documents.h"

namespace ropeway {
namespace {

bool has_target(const MarkedDocuments& examples, size_t document) {
  return std::ranges::any_of(examples.scored(document), [](float weight) { return weight > 0; });
}

// Those that fit and have something to score, the longest first.
std::vector<size_t> usable_examples(const MarkedDocuments& examples, int64_t length) {
  std::vector<size_t> usable;
  for (size_t d = 0; d < examples.count(); ++d) {
    if (examples.size(d) <= length && has_target(examples, d)) usable.push_back(d);
  }
  std::ranges::stable_sort(usable, std::greater(), [&](size_t d) { return examples.size(d); });
  return usable;
}

// The examples that a search takes, of so many usable ones.
struct ChosenExamples {
  std::vector<size_t> documents;
  size_t usable = 0;
};
ChosenExamples choose_examples(const MarkedDocuments& examples, const SearchSequencesWanted& wanted) {
  std::vector<size_t> usable = usable_examples(examples, wanted.length);
  const int64_t count = wanted.ranking + wanted.finalists;
  if (std::ssize(usable) < count) {
    fail(ErrorKind::kBadData,
         "{} of the {} validation examples fit into {} tokens and have a scored one, wanted {}: {} to rank "
         "candidates and {} for finalists; give more of them, a longer length or fewer documents",
         usable.size(), examples.count(), wanted.length, count, wanted.ranking, wanted.finalists);
  }
  if (examples.size(usable.front()) <= wanted.beyond) {
    fail(ErrorKind::kBadData,
         "the longest validation example that fits into {} tokens has {}, wanted one of more than {}: "
         "shorter ones say nothing of the positions that the factors are for",
         wanted.length, examples.size(usable.front()), wanted.beyond);
  }
  const size_t all = usable.size();
  usable.resize(static_cast<size_t>(count));
  return {std::move(usable), all};
}

void require_windows(const MarkedDocuments& framed, const SearchSequencesWanted& wanted) {
  const int64_t found = disjoint_windows(framed, wanted.length), count = wanted.ranking + wanted.finalists;
  if (found >= count) return;
  fail(ErrorKind::kBadData,
       "the validation text has {} disjoint windows of {} tokens ({} documents, {} tokens in all), "
       "wanted {}: {} to rank candidates and {} for finalists; give a longer text, a shorter length or fewer "
       "documents",
       found, wanted.length, framed.count(), framed.documents().total_tokens(), count, wanted.ranking,
       wanted.finalists);
}

}  // namespace

SearchSequence example_sequence(const MarkedDocuments& documents, size_t document) {
  ROPEWAY_CHECK(documents.is_example(document), "{} is no example", documents.documents().name(document));
  SearchSequence sequence;
  sequence.tokens.resize(static_cast<size_t>(documents.size(document)));
  documents.copy(document, 0, sequence.tokens);
  // A prediction stands where the token before it is; the first token is never scored.
  const std::vector<float> scored = documents.scored(document);
  sequence.targets.emplace();
  for (size_t t = 1; t < scored.size(); ++t) {
    if (scored[t] > 0) sequence.targets->push_back(static_cast<int64_t>(t) - 1);
  }
  return sequence;
}

std::vector<SearchSequence> search_sequences(const Documents& documents, const DocumentMarks& marks,
                                             const SearchSequencesWanted& wanted) {
  std::vector<SearchSequence> sequences;
  if (holds_examples(documents)) {
    const MarkedDocuments examples(documents, marks);
    for (const size_t d : choose_examples(examples, wanted).documents) {
      sequences.push_back(example_sequence(examples, d));
    }
    return sequences;
  }
  const MarkedDocuments framed(documents, {marks.before, {}});
  require_windows(framed, wanted);
  for (auto& window : whole_document_windows(framed, wanted.length, wanted.ranking + wanted.finalists)) {
    sequences.push_back({std::move(window)});
  }
  return sequences;
}

void require_search_sequences(const Documents& documents, const DocumentMarks& marks,
                              const SearchSequencesWanted& wanted) {
  if (holds_examples(documents)) {
    choose_examples(MarkedDocuments(documents, marks), wanted);
  } else {
    require_windows(MarkedDocuments(documents, {marks.before, {}}), wanted);
  }
}

std::string describe_search_sequences(const Documents& documents, const DocumentMarks& marks,
                                      const SearchSequencesWanted& wanted) {
  const int64_t count = wanted.ranking + wanted.finalists;
  const std::string length = format_length(wanted.length);
  if (!holds_examples(documents)) {
    return fmt::format("{} window{} of {}, of {} in the validation text", count, count == 1 ? "" : "s",
                       length,
                       disjoint_windows(MarkedDocuments(documents, {marks.before, {}}), wanted.length));
  }
  const MarkedDocuments examples(documents, marks);
  const ChosenExamples chosen = choose_examples(examples, wanted);
  int64_t scored = 0;
  for (const size_t d : chosen.documents) scored += std::ssize(example_sequence(examples, d).targets.value());
  return fmt::format("the {} longest of {} examples up to {}, {} to {} tokens, {} of them scored", count,
                     chosen.usable, length, examples.size(chosen.documents.back()),
                     examples.size(chosen.documents.front()), format_count(static_cast<double>(scored)));
}

}  // namespace ropeway
