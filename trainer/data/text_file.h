// Files of text, told apart by their content and then by their names, in any case:
//   *.jsonl, *.ndjson, *.json   a JSON object per line with the document under "text", or an array of such
//                               objects; lines without a text are left out. Or objects with one example of
//                               instruction data each (example.h), all of the kind of the first
//   *.txt, *.text               one document, the whole file
//   others                      JSON lines or an array if the first object is such a one, else one document
// any of them packed with gzip, zstd, xz or bzip2 (known by the first bytes; packing.h), in UTF-8 or in UTF-16
// behind its mark (text_decoder.h). What holds no text is refused by what it is (foreign_file.h). Only one
// document at a time is in memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "trainer/data/example.h"
#include "trainer/data/source_facts.h"

namespace ropeway {

struct TextFileLimits {
  // Of one document, unpacked, and of a line of JSON: bounds the memory that a file can make us use.
  int64_t max_document_bytes = int64_t{1} << 30;
  // Ids of files of token ids lie below it; 0: those of the tokenizer.
  int64_t vocab_size = 0;
};

struct TextFileSummary {
  std::string sha256;     // of the file as it lies on disk
  std::string kind;       // "plain text", "JSON lines in gzip", ...
  int64_t documents = 0;  // handed out
  ReadCounts counts;
};

struct TextFileKind {
  std::string words;  // the summary's `kind`
  RecordKind records = RecordKind::kText;
};
// From the beginning of the file: how it will be read. Logs what a person may not expect: UTF-16, and JSON
// lines that are read as plain text for their name.
TextFileKind text_file_kind(const std::filesystem::path& path, const TextFileLimits& limits = {});

// Takes what is read. number: of the line, or of the place in the array, from 1; 0 for a file that is one
// document. Texts are well-formed UTF-8.
struct TakeRecords {
  std::function<void(std::string_view text, int64_t number)> document;
  std::function<void(const Example& example, int64_t number)> example;
};
// Throws kBadData: "FILE:LINE: ..." for a line (or "FILE: element N: ...") that is no JSON object with a
// string or null under "text", or no example of the kind of the file's first; for a document over the limit;
// for damaged packed data; and for a file more than 1 byte of 1,000 of which is no text.
TextFileSummary read_text_documents(const std::filesystem::path& path, const TextFileLimits& limits,
                                    const TakeRecords& take);

}  // namespace ropeway
