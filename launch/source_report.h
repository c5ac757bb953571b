// What `ropeway data` tells of one source of text: how much there is of it and how long its documents are.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "trainer/data/source_facts.h"

namespace ropeway {

class Documents;
struct TextFileLimits;

struct SourceReport {
  std::string key;      // "data.train[0]"
  std::string pattern;  // as the recipe says it
  double weight = 1;
  bool in_tokens = true;  // lengths are tokens; otherwise bytes of text, where there is no tokenizer
  int64_t files = 0, bytes = 0;
  std::set<std::string> kinds;    // of the files: "JSON lines in gzip"
  std::vector<int64_t> lengths;   // of each document
  int64_t least = 0, most = 0;    // of the lengths
  std::string shortest, longest;  // the documents that have them
  ReadCounts counts;

  void add(int64_t length, const std::string& name);
};

// Of documents that were loaded by several patterns, those of pattern number `index`.
SourceReport report_of(const Documents& documents, size_t index);
// Of the files of a pattern, read as they are: lengths in bytes, of files of ids in tokens.
SourceReport report_of_text(const std::string& pattern, const TextFileLimits& limits);

// Counts, the shortest and the longest document, and a histogram of lengths in powers of two.
std::string text_of(const SourceReport& report);

}  // namespace ropeway
