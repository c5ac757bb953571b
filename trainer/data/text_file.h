// Files of text, by their names:
//   *.jsonl   one JSON object per line with the document under "text"; lines without a text are left out
//   others    one document, the whole file
// and either of them packed, with .gz or .zst behind the name. Only one document at a time is in memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace ropeway {

struct TextFileLimits {
  // Of one document, unpacked, and of a line of JSON: bounds the memory that a file can make us use.
  int64_t max_document_bytes = int64_t{1} << 30;
};

struct TextFileSummary {
  std::string sha256;        // of the file as it lies on disk
  int64_t documents = 0;     // handed out
  int64_t without_text = 0;  // lines whose "text" is ""
};

// "", "jsonl", "gz", "zst", "jsonl.gz" or "jsonl.zst": how a file of this name is read.
std::string text_file_format(const std::filesystem::path& path);

// Calls document(text, line) for each document; line counts from 1, 0 for a file that is one document. Throws
// kBadData "FILE:LINE: ..." for a line that is no JSON object with a string under "text", for a document over
// the limit, and for damaged packed data.
TextFileSummary read_text_documents(const std::filesystem::path& path, const TextFileLimits& limits,
                                    const std::function<void(std::string_view, int64_t)>& document);

}  // namespace ropeway
