#include "trainer/data/text_file.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "trainer/data/byte_stream.h"
#include "trainer/data/foreign_file.h"
#include "trainer/data/json_example.h"
#include "trainer/data/json_objects.h"
#include "trainer/data/json_text.h"
#include "trainer/data/lower_case.h"
#include "trainer/data/text_decoder.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

enum class Form { kPlain, kJsonLines, kJsonArray };
constexpr const char* kFormWords[] = {"plain text", "JSON lines", "a JSON array"};

[[noreturn]] void too_large(const std::string& where, const TextFileLimits& limits) {
  fail(ErrorKind::kBadData, "{}: a document of more than {} bytes; data.max_document sets the limit", where,
       limits.max_document_bytes);
}

// The file from its start, unpacked and as UTF-8.
class TextStream {
 public:
  explicit TextStream(const fs::path& path) : name_(path.string()), bytes_(path) {
    constexpr size_t kFront = 512;  // as far as the first bytes of any kind of file reach
    std::string front;
    while (front.size() < kFront && bytes_.read(front)) {
    }
    refuse_foreign_content(front, name_, bytes_.compression());
    decoder_.decode(front, false, front_);
  }

  const std::string& front() const { return front_; }  // decoded: a piece of the file or all of it
  Compression compression() const { return bytes_.compression(); }
  std::string sha256() { return bytes_.file_sha256(); }

  // Appends the next piece, the front first; false at the end, when it has been proved to be text.
  bool read(std::string& to) {
    if (at_end_) return false;
    if (!front_taken_) {
      front_taken_ = true;
      to += front_;
      return true;
    }
    std::string piece;
    at_end_ = !bytes_.read(piece);
    decoder_.decode(piece, at_end_, to);
    if (at_end_) decoder_.require_text(name_);
    return true;
  }
  const TextDecoder& decoder() const { return decoder_; }

 private:
  std::string name_;
  ByteStream bytes_;
  TextDecoder decoder_;
  std::string front_;
  bool front_taken_ = false, at_end_ = false;
};

// The first element of an array, or "".
std::string first_element(std::string_view front) {
  std::string buffer(front), element;
  try {
    JsonArray("").take(buffer, false, [&](std::string_view object, int64_t) {
      if (element.empty()) element = object;
    });
  } catch (const Error&) {
    // Elements behind the first may be anything.
  }
  return element;
}

bool begins_as_array(std::string_view front) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t bracket = front.find_first_not_of(kSpace);
  if (bracket == std::string_view::npos || front[bracket] != '[') return false;
  const size_t element = front.find_first_not_of(kSpace, bracket + 1);
  return element != std::string_view::npos && (front[element] == '{' || front[element] == ']');
}

// An object that reaches beyond the front is taken for one with a text or an example: what is wrong with it
// is then said, where prose would be scored with the syntax of JSON in it.
Form form_by_content(std::string_view front) {
  constexpr size_t kWholeFront = 512 << 10;  // of a file that has more than that
  const bool goes_on = front.size() >= kWholeFront;
  if (begins_as_array(front)) {
    const std::string first = first_element(front);
    return is_json_record(first) || (first.empty() && goes_on) ? Form::kJsonArray : Form::kPlain;
  }
  const size_t begin = std::min(front.find_first_not_of(" \t\r\n"), front.size());
  const size_t end = front.find('\n', begin);
  const bool is_cut = goes_on && end == std::string_view::npos && front.substr(begin, 2) == "{\"";
  return is_cut || is_json_record(front.substr(begin, end - begin)) ? Form::kJsonLines : Form::kPlain;
}

Form form_of(const fs::path& path, std::string_view front) {
  const std::string ending = lower_case(unpacked_name(path).extension().string());
  const bool is_json = ending == ".jsonl" || ending == ".ndjson" || ending == ".json";
  if (is_json) return begins_as_array(front) ? Form::kJsonArray : Form::kJsonLines;
  return ending == ".txt" || ending == ".text" ? Form::kPlain : form_by_content(front);
}

std::string words_of(Form form, RecordKind records, const TextStream& stream) {
  std::string words = kFormWords[static_cast<size_t>(form)];
  if (records != RecordKind::kText) words += fmt::format(" of {}", words_of(records));
  if (stream.decoder().is_utf16()) words += " (UTF-16)";
  if (stream.compression() != Compression::kNone)
    words += fmt::format(" in {}", word_of(stream.compression()));
  return words;
}

std::unique_ptr<JsonObjects> objects_of(Form form, const std::string& name) {
  if (form == Form::kJsonLines) return std::make_unique<JsonLines>();
  return std::make_unique<JsonArray>(name);
}

// What the first object holds. A text where that cannot be told: who reads the file says what is wrong.
RecordKind kind_of_first(TextStream& stream, Form form, const TextFileLimits& limits) {
  if (form == Form::kPlain) return RecordKind::kText;
  const auto objects = objects_of(form, "");
  std::optional<std::optional<RecordKind>> first;
  const auto take = [&](std::string_view object, int64_t) {
    if (!first) first = record_kind(object);
  };
  std::string buffer;
  try {
    while (!first && static_cast<int64_t>(buffer.size()) <= limits.max_document_bytes &&
           stream.read(buffer)) {
      objects->take(buffer, false, take);
    }
    if (!first) objects->take(buffer, true, take);
  } catch (const Error&) {
    // Behind the first object, or there is none.
  }
  return first.value_or(std::nullopt).value_or(RecordKind::kText);
}

class RecordReader {
 public:
  RecordReader(const fs::path& path, Form form, const TextFileLimits& limits, TextFileSummary& summary,
               const TakeRecords& take)
      : name_(path.string()), form_(form), limits_(limits), summary_(summary), take_(take) {}

  RecordKind kind() const { return kind_.value_or(RecordKind::kText); }

  void read_plain(TextStream& stream) {
    std::string text;
    while (stream.read(text)) require_within_limit(text, 0);
    if (text.empty()) return;
    ++summary_.documents;
    take_.document(text, 0);
  }

  void read_json(TextStream& stream, JsonObjects& objects) {
    const auto take = [this](std::string_view object, int64_t number) { take_object(object, number); };
    std::string buffer;
    while (stream.read(buffer)) {
      objects.take(buffer, false, take);
      require_within_limit(buffer, objects.number());
    }
    objects.take(buffer, true, take);
  }

 private:
  std::string where(int64_t number) const {
    if (number == 0) return name_;
    return form_ == Form::kJsonArray ? fmt::format("{}: element {}", name_, number)
                                     : fmt::format("{}:{}", name_, number);
  }
  void require_within_limit(std::string_view bytes, int64_t number) const {
    if (static_cast<int64_t>(bytes.size()) > limits_.max_document_bytes) too_large(where(number), limits_);
  }
  void take_object(std::string_view object, int64_t number) {
    require_within_limit(object, number);
    if (!kind_) kind_ = record_kind(object).value_or(RecordKind::kText);
    if (*kind_ == RecordKind::kText) {
      take_text(object, number);
      return;
    }
    const JsonExample found = example_of_json(object, *kind_, where(number));
    summary_.counts.lone_surrogates += found.lone_surrogates;
    ++summary_.documents;
    take_.example(found.example, number);
  }
  void take_text(std::string_view object, int64_t number) {
    const JsonText found = text_of_json(object, where(number));
    ReadCounts& counts = summary_.counts;
    if (found.is_null) ++counts.null_texts;
    if (!found.is_null && found.text.empty()) ++counts.empty_texts;
    if (found.text.empty()) return;
    counts.lone_surrogates += found.lone_surrogates;
    ++summary_.documents;
    take_.document(found.text, number);
  }

  std::string name_;
  Form form_;
  const TextFileLimits& limits_;
  TextFileSummary& summary_;
  const TakeRecords& take_;
  std::optional<RecordKind> kind_;  // of all objects: that of the first
};

}  // namespace

TextFileKind text_file_kind(const fs::path& path, const TextFileLimits& limits) {
  TextStream stream(path);
  const Form form = form_of(path, stream.front());
  if (const Form seen = form_by_content(stream.front()); form == Form::kPlain && seen != form) {
    log_warning(
        "{}: looks like {} and is read as plain text, as its name says; *.jsonl would be read as JSON",
        path.string(), kFormWords[static_cast<size_t>(seen)]);
  }
  if (stream.decoder().is_utf16()) log_info("{}: UTF-16 by its mark, read as UTF-8", path.string());
  const RecordKind records = kind_of_first(stream, form, limits);
  return {words_of(form, records, stream), records};
}

TextFileSummary read_text_documents(const fs::path& path, const TextFileLimits& limits,
                                    const TakeRecords& take) {
  TextStream stream(path);
  const Form form = form_of(path, stream.front());
  TextFileSummary summary;
  RecordReader reader(path, form, limits, summary, take);
  if (form == Form::kPlain) {
    reader.read_plain(stream);
  } else {
    reader.read_json(stream, *objects_of(form, path.string()));
  }
  summary.kind = words_of(form, reader.kind(), stream);
  summary.counts.file_bytes = stream.decoder().file_bytes();
  summary.counts.replaced_bytes = stream.decoder().replaced_bytes();
  summary.sha256 = stream.sha256();
  return summary;
}

}  // namespace ropeway
