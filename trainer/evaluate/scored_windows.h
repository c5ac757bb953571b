// Where the windows of an evaluation lie in the documents and which of their tokens are targets: the one
// place that decides it.
//
//   plain     disjoint windows over all documents in order; every token of text that has one before it
//   aligned   (align_to > 0) windows of several lengths end at the same places, which leave room for the
//             longest of them, and score the same last tokens: what differs between two lengths is the
//             context
//   sliding   (stride > 0) a window every `stride` tokens of text; a document's first scores all its tokens,
//             the others their last `stride` ones (Press et al. 2021; LongRoPE, tables 5 to 7: 256)
//
// A start such as a BOS stands in each window, counts in its length and is no target. What is left at the end
// of a document is not scored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ropeway {

class MarkedDocuments;

struct ScoredWindow {
  size_t document = 0;
  int64_t begin = 0;       // its first token of text, in the document's text
  int64_t score_from = 0;  // position in the window whose prediction is the first that counts
  int64_t targets = 0;     // they reach to the window's end
  bool operator==(const ScoredWindow&) const = default;
};

struct WindowRule {
  int64_t length = 0;    // tokens of a window
  int64_t align_to = 0;  // the longest length that is aligned; 0: not aligned
  int64_t targets = 0;   // aligned: the last so many tokens of each window; 0: all
  int64_t stride = 0;
  int64_t windows = 0;        // at most; 0: no limit
  int64_t target_tokens = 0;  // as few windows as have so many targets; 0: no limit
};

// Plain windows are the first in order. Aligned ones are spread evenly over what there is: disjoint windows
// of the longest length, or, where more are wanted than fit, windows that overlap while their targets do not.
// Of sliding ones the documents give one after the other in turn. Always in the order of the documents.
// Throws kConfig for a length without a target, an alignment shorter than the length, and a stride above what
// a window can score.
std::vector<ScoredWindow> scored_windows(const MarkedDocuments& documents, const WindowRule& rule);

// Targets of a window of `length` tokens that is scored in full.
int64_t targets_in_full(const MarkedDocuments& documents, int64_t length);

}  // namespace ropeway
