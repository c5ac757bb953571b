// The sequences that a search scores: windows of whole texts, or examples of instruction data, each by itself
// and for what is scored in it. Of examples the longest that fit come first: they reach farthest into the
// length that factors are searched for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "trainer/data/document_marks.h"

namespace ropeway {

class Documents;
class MarkedDocuments;

struct SearchSequence {
  std::vector<int32_t> tokens;
  // The predictions that count, ascending: t is that of tokens[t + 1]. nullopt: all tokens.size() - 1 of them.
  std::optional<std::vector<int64_t>> targets = {};
};

struct SearchSequencesWanted {
  int64_t length = 0;                  // tokens of a window; the most that an example may have
  int64_t ranking = 0, finalists = 0;  // sequences
  int64_t beyond = 0;                  // of examples the longest must have more tokens than this
};

// What is wanted, those that rank candidates first. marks: around a document; a window of text starts with
// those before it. Throws kBadData for texts beside examples, and when there are too few of either or no
// example is long enough, with the sums.
std::vector<SearchSequence> search_sequences(const Documents& documents, const DocumentMarks& marks,
                                             const SearchSequencesWanted& wanted);
// Throws what search_sequences throws, and reads no more than lengths of texts.
void require_search_sequences(const Documents& documents, const DocumentMarks& marks,
                              const SearchSequencesWanted& wanted);

// An example whole. Throws kInternal for a text.
SearchSequence example_sequence(const MarkedDocuments& documents, size_t document);

// "7 windows of 128K, of 40 in the validation text", "the 7 longest of 40 examples up to 128K, 9012 to 120034
// tokens, 91K of them scored".
std::string describe_search_sequences(const Documents& documents, const DocumentMarks& marks,
                                      const SearchSequencesWanted& wanted);

}  // namespace ropeway
