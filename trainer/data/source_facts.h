// What was found in one file of a corpus while it was read. Kept with its tokens, so that a file that comes
// from the cache is described as it was when it was encoded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "trainer/data/example.h"

namespace ropeway {

// What the reader of a file counts. A byte that is replaced is one of the unpacked file that belongs to no
// well-formed character (UTF-8, or UTF-16 behind its mark); a lone surrogate is an escape in JSON that stands
// for half a character. Both became U+FFFD.
struct ReadCounts {
  int64_t file_bytes = 0;  // unpacked
  int64_t replaced_bytes = 0;
  int64_t lone_surrogates = 0;
  int64_t null_texts = 0, empty_texts = 0;  // documents without a text, left out
  int64_t unscored_examples = 0;            // examples without a token to score, left out
};

struct SourceFacts {
  std::string name = {};  // the file's path
  std::string kind = {};  // "JSON lines in gzip", "plain text", "token ids (.npy)", ...
  RecordKind records = RecordKind::kText;
  size_t pattern = 0;  // which of the patterns named it: an index into those given
  int64_t documents = 0;
  int64_t tokens = 0;
  int64_t text_bytes = 0;  // UTF-8, of the documents
  ReadCounts counts = {};
};

}  // namespace ropeway
