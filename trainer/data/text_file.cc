#include "trainer/data/text_file.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/data/byte_stream.h"
#include "trainer/files/strict_json.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

bool is_packed(const fs::path& path) { return path.extension() == ".gz" || path.extension() == ".zst"; }

bool is_json_lines(const fs::path& path) {
  return (is_packed(path) ? path.stem() : path.filename()).extension() == ".jsonl";
}

[[noreturn]] void too_large(const std::string& where, const TextFileLimits& limits) {
  fail(ErrorKind::kBadData, "{}: a document of more than {} bytes; data.max_document sets the limit", where,
       limits.max_document_bytes);
}

std::string text_of_line(std::string_view line, const std::string& where, const TextFileLimits& limits) {
  const JsonValue value =
      parse_strict_json(line, where, {.max_bytes = limits.max_document_bytes, .max_depth = 64});
  if (!value.is_object()) value.refuse("an object with a \"text\"");
  return value.at("text").string();
}

class LineReader {
 public:
  LineReader(const fs::path& path, const TextFileLimits& limits, TextFileSummary& summary,
             const std::function<void(std::string_view, int64_t)>& document)
      : path_(path), limits_(limits), summary_(summary), document_(document) {}

  // `buffer` holds what has been read and not taken yet; a last line needs no line feed.
  void take_lines(std::string& buffer, bool last) {
    size_t begin = 0;
    for (;;) {
      const size_t line_feed = buffer.find('\n', std::max(begin, searched_));
      if (line_feed == std::string::npos) break;
      take_line(std::string_view(buffer).substr(begin, line_feed - begin));
      begin = line_feed + 1;
    }
    if (last && begin < buffer.size()) {
      take_line(std::string_view(buffer).substr(begin));
      begin = buffer.size();
    }
    buffer.erase(0, begin);
    searched_ = buffer.size();
    if (static_cast<int64_t>(buffer.size()) > limits_.max_document_bytes)
      too_large(where(line_ + 1), limits_);
  }

 private:
  std::string where(int64_t line) const { return fmt::format("{}:{}", path_.string(), line); }

  void take_line(std::string_view line) {
    ++line_;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
    if (static_cast<int64_t>(line.size()) > limits_.max_document_bytes) too_large(where(line_), limits_);
    const std::string text = text_of_line(line, where(line_), limits_);
    if (text.empty()) {
      ++summary_.without_text;
      return;
    }
    ++summary_.documents;
    document_(text, line_);
  }

  const fs::path& path_;
  const TextFileLimits& limits_;
  TextFileSummary& summary_;
  const std::function<void(std::string_view, int64_t)>& document_;
  int64_t line_ = 0;
  size_t searched_ = 0;  // the buffer's front that holds no line feed
};

}  // namespace

std::string text_file_format(const fs::path& path) {
  const std::string packing = is_packed(path) ? path.extension().string() : "";
  if (is_json_lines(path)) return "jsonl" + packing;
  return packing.empty() ? "" : packing.substr(1);
}

TextFileSummary read_text_documents(const fs::path& path, const TextFileLimits& limits,
                                    const std::function<void(std::string_view, int64_t)>& document) {
  const std::unique_ptr<ByteStream> stream = ByteStream::open(path);
  TextFileSummary summary;
  std::string buffer;
  if (is_json_lines(path)) {
    LineReader lines(path, limits, summary, document);
    while (stream->read(buffer)) lines.take_lines(buffer, false);
    lines.take_lines(buffer, true);
  } else {
    while (stream->read(buffer)) {
      if (static_cast<int64_t>(buffer.size()) > limits.max_document_bytes) too_large(path.string(), limits);
    }
    summary.documents = buffer.empty() ? 0 : 1;
    if (!buffer.empty()) document(buffer, 0);
  }
  summary.sha256 = stream->file_sha256();
  return summary;
}

}  // namespace ropeway
