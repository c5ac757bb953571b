// Training windows: window i of a stage is a pure function of (documents, options, i), so data order depends
// neither on the number of ranks nor on how often a run was resumed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trainer/config/data_choices.h"
#include "trainer/data/document_stream.h"
#include "trainer/data/marked_documents.h"
#include "trainer/data/packed_examples.h"
#include "trainer/data/skipped_positions.h"
#include "trainer/data/text_windows.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {

class Documents;

struct Window {
  std::vector<int32_t> tokens;  // `length`; of whole examples as many as fit into it
  std::vector<float> weights;   // weights[t]: of predicting tokens[t+1] from tokens[0..t]; the last one is 0
  // Where documents start that attention and positions keep apart: 0 first. {0}: they are not kept apart.
  std::vector<int64_t> documents = {0};
  bool is_short = false;                 // of short documents, for the original RoPE
  std::vector<PositionJump> jumps = {};  // skipped positions
};

struct WindowOptions {
  int64_t length = 0;
  uint64_t seed = 0;
  std::string stage = {};  // its name is part of the seed: stages of one length see different windows
  Packing packing = Packing::kConcat;
  DocumentMask mask = DocumentMask::kNone;
  DocumentMarks marks = {};
  std::vector<double> weights = {};  // of the patterns the documents were loaded by; empty: all 1
  double passkey_fraction = 0;       // share of windows that carry a passkey
  // Loss weight of the digits an earlier mention tells: the answer's, and those of the key's second mention
  // in the needle (copying from near by is learnt first, and retrieval from far grows out of it).
  double passkey_answer_weight = 1;
  // Mixed context windows (LongRoPE2, section 3.3): this share of the windows holds documents of `short_length`
  // tokens at most, which attention and positions keep apart whatever `mask` says. A longer text is cut into
  // pieces of that length; a longer example is in the other windows only.
  double short_share = 0;
  int64_t short_length = 0;
  SkipOptions skip = {};  // of windows that are not short, and whose documents are not kept apart
};

// What becomes of the documents.
struct WindowFacts {
  int64_t documents = 0, tokens = 0;  // of a pass in the long run, marks included
  int64_t short_documents = 0;        // shorter than a window: joined to others, or left out
  int64_t windows = 0;                // of a pass; for kDocuments: as many as its tokens fill
  // Examples of instruction data, beside those: what fits into a window is used whole.
  int64_t examples = 0, example_tokens = 0, scored_tokens = 0, long_examples = 0, example_windows = 0;
};

class WindowSampler {
 public:
  // Keeps references. Throws kBadData when a pass has fewer than `length` tokens (kConcat), or no document
  // has as many (kDocuments), and for examples of which none fits into a window.
  WindowSampler(const Documents& documents, const Tokenizer& tokenizer, const WindowOptions& options);
  WindowSampler(const WindowSampler&) = delete;
  WindowSampler& operator=(const WindowSampler&) = delete;

  // kConcat: one of the windows that the stream of documents is cut into (DocumentStream). kDocuments: draw
  // `index` of TextWindows. A passkey is put into some; their text counts as one document, because the
  // question must see the needle: in a short window the first `short_length` tokens. Examples have windows of
  // their own, whole ones side by side (kConcat) or each by itself (kDocuments), in turn with those of text as
  // their share of a pass says. Short windows are spread evenly over those of text, and over those of examples:
  // of any n windows in a row of either, n short_share are short, to within one. Those of text are cut from the
  // same stream as the others, so every token is still used once per pass; with kDocuments, whose windows leave
  // short texts out, they are cut from a stream of all texts.
  Window window(uint64_t index) const;
  // The first one of examples; nullopt where there are none.
  std::optional<uint64_t> first_of_examples() const;
  WindowFacts facts() const;
  // "used 501 documents, 812M tokens; 499 shorter than 128K were joined to others"
  std::string describe() const;

 private:
  uint64_t examples_before(uint64_t index) const;
  uint64_t short_before(uint64_t index) const;
  Window text_window(uint64_t index) const;
  Window example_window(uint64_t index) const;
  void put_passkey(Window& window, uint64_t index, double depth) const;

  const MarkedDocuments documents_;
  const Tokenizer& tokenizer_;
  const WindowOptions options_;
  const uint64_t seed_;
  std::optional<DocumentStream> stream_;  // kConcat, and short windows
  std::optional<TextWindows> texts_;      // kDocuments
  std::optional<PackedExamples> examples_, short_examples_;
  double example_share_ = 0;  // of the windows
};

// The seed of what is random in one stage.
uint64_t seed_of_stage(uint64_t seed, std::string_view stage);

}  // namespace ropeway
