#include "trainer/data/source_files.h"

#include <string_view>
#include <system_error>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "trainer/data/encode_example.h"
#include "trainer/data/token_cache.h"
#include "trainer/data/token_ids.h"
#include "trainer/files/files.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

// A file of a corpus, of text or of token ids.
struct Source {
  fs::path path;
  std::string kind;
  bool holds_ids = false;
  RecordKind records = RecordKind::kText;
  std::string sha256 = {};
};

Source inspect_source(const fs::path& path, const TextFileLimits& limits) {
  Source source{.path = path, .kind = token_id_kind(path), .holds_ids = true};
  if (source.kind.empty()) {
    const TextFileKind kind = text_file_kind(path, limits);
    source.holds_ids = false;
    source.kind = kind.words;
    source.records = kind.records;
  }
  source.sha256 = source.holds_ids ? sha256_of_token_ids(path) : sha256_of_file(path);
  return source;
}

// Bytes of the text that the ids stand for, so that bits per byte are known. An id that is no token's (the
// embedding may have more rows than the tokenizer has tokens) stands for none.
int64_t text_bytes_of(const Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  try {
    return static_cast<int64_t>(tokenizer.decode(ids).size());
  } catch (const Error&) {
    if (ids.size() == 1) return 0;
  }
  int64_t bytes = 0;
  for (const int32_t id : ids) bytes += text_bytes_of(tokenizer, std::vector<int32_t>{id});
  return bytes;
}

ReadCounts encode_text(const Source& source, const EncodingOptions& options, TokenCacheWriter& cache) {
  const Tokenizer& tokenizer = options.tokenizer;
  const std::string name = source.path.string();
  const auto place = [&](int64_t line) { return line == 0 ? name : fmt::format("{}:{}", name, line); };
  const auto encode = [&](std::string_view text, int64_t line) {
    const std::vector<int32_t> ids = tokenizer.encode(text);
    if (ids.empty()) fail(ErrorKind::kBadData, "{}: the text gives no tokens", place(line));
    cache.append(ids);
    cache.end_document(static_cast<int64_t>(text.size()), line);
  };
  const ExampleEncoder encoder(tokenizer, options.chat, options.vocab_size());
  int64_t unscored = 0;
  const auto encode_example = [&](const Example& example, int64_t line) {
    const EncodedExample encoded = encoder.encode(example, place(line));
    if (encoded.scored.empty()) {
      ++unscored;
      return;
    }
    cache.append(encoded.ids);
    cache.end_document(
        text_bytes_of(tokenizer, encoded.ids), line,
        example.kind == RecordKind::kPrompt ? DocumentForm::kExample : DocumentForm::kWholeExample,
        encoded.scored);
  };
  TextFileSummary summary = read_text_documents(source.path, options.limits, {encode, encode_example});
  summary.counts.unscored_examples = unscored;
  if (summary.sha256 != source.sha256) fail(ErrorKind::kBadData, "{}: changed while it was read", name);
  if (summary.documents == 0) {
    const bool has_lines = summary.counts.empty_texts + summary.counts.null_texts > 0;
    fail(ErrorKind::kBadData, "{}: the file is empty, wanted {}", name,
         has_lines ? "documents with text" : "text");
  }
  if (unscored == summary.documents) {
    fail(ErrorKind::kBadData, "{}: none of its {} examples has a token to score", name, unscored);
  }
  return summary.counts;
}

ReadCounts copy_ids(const Source& source, const EncodingOptions& options, TokenCacheWriter& cache) {
  ReadCounts counts;
  int64_t tokens = 0, bytes = 0;  // of the document
  read_token_ids(source.path, options.vocab_size(),
                 [&](std::span<const int32_t> ids, int64_t document, bool last) {
                   cache.append(ids);
                   tokens += static_cast<int64_t>(ids.size());
                   bytes += text_bytes_of(options.tokenizer, {ids.begin(), ids.end()});
                   if (!last) return;
                   if (tokens > 0) {
                     cache.end_document(bytes, document);
                   } else {
                     ++counts.empty_texts;
                   }
                   tokens = bytes = 0;
                 });
  if (sha256_of_token_ids(source.path) != source.sha256) {
    fail(ErrorKind::kBadData, "{}: changed while it was read", source.path.string());
  }
  return counts;
}

// Writes the cache file; the source is read a second time after its hash gave the name.
void encode_file(const Source& source, const EncodingOptions& options, const fs::path& cache_file) {
  TokenCacheWriter cache(cache_file);
  cache.finish(source.holds_ids ? copy_ids(source, options, cache) : encode_text(source, options, cache));
}

void tell_what_was_odd(const std::string& name, const MappedTokens& mapped) {
  const ReadCounts counts = mapped.read_counts();
  if (counts.replaced_bytes > 0) {
    log_warning("{}: {} of {} bytes belong to no character of the file's encoding and became U+FFFD", name,
                counts.replaced_bytes, counts.file_bytes);
  }
  if (counts.lone_surrogates > 0) {
    log_warning("{}: {} halves of surrogate pairs (\\ud83d and the like) stood alone and became U+FFFD", name,
                counts.lone_surrogates);
  }
  if (counts.null_texts + counts.empty_texts > 0) {
    log_info("{}: {} documents have an empty text and {} have null for one; they are left out, {} stay", name,
             counts.empty_texts, counts.null_texts, mapped.count());
  }
  if (counts.unscored_examples > 0) {
    log_info("{}: {} examples have no token to score and are left out, {} stay", name,
             counts.unscored_examples, mapped.count());
  }
}

// What else than tokenizer and source decides what is in the cache: the id check depends on the vocabulary, a
// conversation on its template.
std::string encoding_of(const Source& source, const EncodingOptions& options) {
  std::string encoding = source.kind;
  if (source.holds_ids || source.records == RecordKind::kIds) {
    encoding += fmt::format(" of {}", options.limits.vocab_size);
  }
  if (has_turns(source.records) && options.chat.format) {
    encoding += fmt::format(" as {} with '{}' and '{}'", word_of(*options.chat.format),
                            options.chat.named.bos, options.chat.named.eos);
  }
  return encoding;
}

}  // namespace

int64_t EncodingOptions::vocab_size() const {
  return limits.vocab_size > 0 ? limits.vocab_size : tokenizer.vocab_size();
}

EncodedFile find_or_encode(const fs::path& path, const EncodingOptions& options) {
  const Source source = inspect_source(path, options.limits);
  EncodedFile encoded;
  encoded.name = path.string();
  encoded.kind = source.kind;
  encoded.encoding = encoding_of(source, options);
  const std::string cache_name =
      token_cache_name(options.tokenizer.fingerprint(), source.sha256, encoded.encoding);
  encoded.cache_file = (options.cache_folder / cache_name).string();
  std::optional<MappedTokens> mapped = open_token_cache(encoded.cache_file, true);
  if (!mapped) {
    std::error_code error;
    if (fs::exists(encoded.cache_file, error)) {
      log_warning("{}: does not verify; encoding {} again", encoded.cache_file, encoded.name);
    }
    require_writable_folder(options.cache_folder, static_cast<int64_t>(fs::file_size(path, error)));
    encode_file(source, options, encoded.cache_file);
    mapped = open_token_cache(encoded.cache_file, true);
    if (!mapped) {
      fail(ErrorKind::kIo, "{}: was just written and does not read back as written", encoded.cache_file);
    }
  }
  tell_what_was_odd(encoded.name, *mapped);
  encoded.documents = static_cast<int64_t>(mapped->count());
  encoded.tokens = mapped->total_tokens();
  encoded.sha256 = source.sha256;
  encoded.records = source.records;
  return encoded;
}

}  // namespace ropeway
