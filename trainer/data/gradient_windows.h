// The windows of training text that the search's gradients are of. Of texts each starts with the marks before
// a text, as every window that the search scores does, and what follows is cut from the text as training cuts
// it. Of examples of instruction data each is one example, whole.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "trainer/config/data_choices.h"
#include "trainer/data/document_stream.h"
#include "trainer/data/marked_documents.h"
#include "trainer/data/packed_examples.h"
#include "trainer/data/search_sequences.h"
#include "trainer/data/text_windows.h"

namespace ropeway {

struct GradientWindowOptions {
  int64_t length = 0;  // tokens of a window; the most that an example may have
  uint64_t seed = 0;
  // kConcat: of all documents joined, as LongRoPE's authors make windows of training; kDocuments: of one
  // document.
  Packing packing = Packing::kDocuments;
  DocumentMarks marks = {};
  std::vector<double> weights = {};  // of the patterns the documents were loaded by; empty: all 1
  bool of_examples = false;          // what is of the other kind is left out
};

class GradientWindows {
 public:
  // Keeps a reference. Throws kBadData when a pass over the text is shorter than a window (kConcat), or every
  // document is (kDocuments), and when no example fits.
  GradientWindows(const Documents& documents, const GradientWindowOptions& options);
  GradientWindows(const GradientWindows&) = delete;
  GradientWindows& operator=(const GradientWindows&) = delete;

  // Number `index` of an endless row: a pure function of the documents, the options and the index.
  SearchSequence window(int64_t index) const;

 private:
  const uint64_t seed_;
  const std::vector<int32_t> start_;
  const MarkedDocuments documents_;
  const int64_t text_tokens_;  // of a window
  std::optional<DocumentStream> joined_;
  std::optional<TextWindows> stretches_;
  std::optional<PackedExamples> examples_;
};

}  // namespace ropeway
