#include "trainer/data/documents.h"

#include <set>
#include <string_view>
#include <system_error>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/data/file_pattern.h"
#include "trainer/data/token_cache.h"
#include "trainer/data/token_ids.h"
#include "trainer/files/files.h"

namespace ropeway {

namespace fs = std::filesystem;

struct Documents::State {
  struct Document {
    std::span<const int32_t> tokens;  // into `mapped` or `ids`
    int64_t bytes = 0, line = 0;
    size_t source = 0;
  };
  std::vector<Document> documents;
  std::vector<SourceFacts> sources;
  std::vector<MappedTokens> mapped;
  std::vector<int32_t> ids;
  std::string fingerprint;
};

Documents::Documents(std::unique_ptr<State> state) : state_(std::move(state)) {}
Documents::~Documents() = default;
Documents::Documents(Documents&&) noexcept = default;
Documents& Documents::operator=(Documents&&) noexcept = default;

size_t Documents::count() const { return state_->documents.size(); }
std::span<const int32_t> Documents::tokens(size_t document) const {
  return state_->documents.at(document).tokens;
}
std::string Documents::name(size_t document) const {
  const State::Document& found = state_->documents.at(document);
  const std::string& source = state_->sources[found.source].name;
  return found.line == 0 ? source : fmt::format("{}:{}", source, found.line);
}
int64_t Documents::bytes(size_t document) const { return state_->documents.at(document).bytes; }
int64_t Documents::total_tokens() const {
  int64_t total = 0;
  for (const auto& document : state_->documents) total += static_cast<int64_t>(document.tokens.size());
  return total;
}
const std::vector<SourceFacts>& Documents::sources() const { return state_->sources; }
size_t Documents::source(size_t document) const { return state_->documents.at(document).source; }
const std::string& Documents::fingerprint() const { return state_->fingerprint; }

namespace {

// What rank 0 found out about a file and tells the others.
struct EncodedFile {
  std::string name;
  std::string kind;
  std::string cache_file;
  size_t pattern = 0;
  int64_t documents = 0, tokens = 0;
};

// Only the file's own name: a corpus that moved to another folder is still the same data.
void describe(std::string& description, const std::string& name, int64_t tokens, const std::string& sha256) {
  const std::string file_name = fs::path(name).filename().string();
  description += fmt::format("{}:{}\n{}\n{}\n", file_name.size(), file_name, tokens, sha256);
}

// A file of a corpus, of text or of token ids.
struct Source {
  fs::path path;
  std::string kind;
  bool holds_ids = false;
  std::string sha256;
};

Source inspect_source(const fs::path& path) {
  Source source{.path = path, .kind = token_id_kind(path), .holds_ids = true, .sha256 = ""};
  if (source.kind.empty()) {
    source.holds_ids = false;
    source.kind = text_file_kind(path);
  }
  source.sha256 = source.holds_ids ? sha256_of_token_ids(path) : sha256_of_file(path);
  return source;
}

ReadCounts encode_text(const Source& source, const Tokenizer& tokenizer, const TextFileLimits& limits,
                       TokenCacheWriter& cache) {
  const std::string name = source.path.string();
  const auto encode = [&](std::string_view text, int64_t line) {
    const std::vector<int32_t> ids = tokenizer.encode(text);
    const std::string where = line == 0 ? name : fmt::format("{}:{}", name, line);
    if (ids.empty()) fail(ErrorKind::kBadData, "{}: the text gives no tokens", where);
    cache.append(ids);
    cache.end_document(static_cast<int64_t>(text.size()), line);
  };
  const TextFileSummary summary = read_text_documents(source.path, limits, encode);
  if (summary.sha256 != source.sha256) fail(ErrorKind::kBadData, "{}: changed while it was read", name);
  if (summary.documents == 0) {
    const bool has_lines = summary.counts.empty_texts + summary.counts.null_texts > 0;
    fail(ErrorKind::kBadData, "{}: the file is empty, wanted {}", name,
         has_lines ? "documents with text" : "text");
  }
  return summary.counts;
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

ReadCounts copy_ids(const Source& source, const Tokenizer& tokenizer, const TextFileLimits& limits,
                    TokenCacheWriter& cache) {
  const int64_t vocab_size = limits.vocab_size > 0 ? limits.vocab_size : tokenizer.vocab_size();
  ReadCounts counts;
  int64_t tokens = 0, bytes = 0;  // of the document
  read_token_ids(source.path, vocab_size, [&](std::span<const int32_t> ids, int64_t document, bool last) {
    cache.append(ids);
    tokens += static_cast<int64_t>(ids.size());
    bytes += text_bytes_of(tokenizer, {ids.begin(), ids.end()});
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
void encode_file(const Source& source, const Tokenizer& tokenizer, const fs::path& cache_file,
                 const TextFileLimits& limits) {
  TokenCacheWriter cache(cache_file);
  cache.finish(source.holds_ids ? copy_ids(source, tokenizer, limits, cache)
                                : encode_text(source, tokenizer, limits, cache));
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
}

// The id check depends on the vocabulary, the text's bytes on the tokenizer.
fs::path cache_file_of(const Source& source, const Tokenizer& tokenizer, const fs::path& cache_folder,
                       const TextFileLimits& limits) {
  std::string kind = source.kind;
  if (source.holds_ids) kind += fmt::format(" of {}", limits.vocab_size);
  return cache_folder / token_cache_name(tokenizer.fingerprint(), source.sha256, kind);
}

// Encodes the file unless the cache has it; rank 0 only.
EncodedFile find_or_encode(const fs::path& path, const Tokenizer& tokenizer, const fs::path& cache_folder,
                           const TextFileLimits& limits, std::string& description) {
  const Source source = inspect_source(path);
  EncodedFile encoded;
  encoded.name = path.string();
  encoded.kind = source.kind;
  encoded.cache_file = cache_file_of(source, tokenizer, cache_folder, limits).string();
  std::optional<MappedTokens> mapped = open_token_cache(encoded.cache_file, true);
  if (!mapped) {
    std::error_code error;
    if (fs::exists(encoded.cache_file, error)) {
      log_warning("{}: does not verify; encoding {} again", encoded.cache_file, encoded.name);
    }
    require_writable_folder(cache_folder, static_cast<int64_t>(fs::file_size(path, error)));
    encode_file(source, tokenizer, encoded.cache_file, limits);
    mapped = open_token_cache(encoded.cache_file, true);
    if (!mapped) {
      fail(ErrorKind::kIo, "{}: was just written and does not read back as written", encoded.cache_file);
    }
  }
  tell_what_was_odd(encoded.name, *mapped);
  encoded.documents = static_cast<int64_t>(mapped->count());
  encoded.tokens = mapped->total_tokens();
  describe(description, encoded.name, encoded.tokens, source.sha256);
  return encoded;
}

// Fields separated by NUL, which no path can hold.
std::string pack(const std::vector<EncodedFile>& files, const std::string& fingerprint) {
  std::string packed = fingerprint + '\0';
  for (const EncodedFile& file : files) {
    for (const std::string& field : {file.name, file.kind, file.cache_file, std::to_string(file.pattern),
                                     std::to_string(file.documents), std::to_string(file.tokens)}) {
      packed += field + '\0';
    }
  }
  return packed;
}

std::vector<EncodedFile> unpack(std::string_view packed, std::string& fingerprint) {
  const auto next = [&packed] {
    const size_t end = packed.find('\0');
    ROPEWAY_CHECK(end != std::string_view::npos, "document list cut short");
    const std::string field(packed.substr(0, end));
    packed.remove_prefix(end + 1);
    return field;
  };
  fingerprint = next();
  std::vector<EncodedFile> files;
  while (!packed.empty()) {
    EncodedFile file;
    file.name = next();
    file.kind = next();
    file.cache_file = next();
    file.pattern = std::stoull(next());
    file.documents = std::stoll(next());
    file.tokens = std::stoll(next());
    files.push_back(std::move(file));
  }
  return files;
}

// The files that the patterns name, each once, with the index of its pattern.
std::vector<std::pair<fs::path, size_t>> files_of(const std::vector<std::string>& patterns) {
  if (patterns.empty()) fail(ErrorKind::kConfig, "no text files are named");
  std::vector<std::pair<fs::path, size_t>> files;
  std::set<fs::path> taken;  // a file that two patterns match is one source
  for (size_t i = 0; i < patterns.size(); ++i) {
    const fs::path named = token_id_file(patterns[i]);
    for (const fs::path& found : expand_file_pattern(named.string())) {
      const fs::path file = token_id_file(found);
      std::error_code error;
      const fs::path canonical = fs::canonical(file, error);
      if (taken.insert(error ? file : canonical).second) files.emplace_back(file, i);
    }
  }
  return files;
}

// If opening failed on any rank, all throw: the first failed rank's message.
void throw_together(Communicator& world, const std::string& problem) {
  for (const std::string& message : all_gather_strings(world, problem)) {
    if (!message.empty()) fail(ErrorKind::kMissingInput, "{}", message);
  }
}

}  // namespace

Documents load_documents(Communicator& world, const std::vector<std::string>& patterns,
                         const Tokenizer& tokenizer, const fs::path& cache_folder,
                         const TextFileLimits& limits) {
  std::string packed;
  run_on_rank(world, 0, [&] {
    std::vector<EncodedFile> encoded;
    std::string description = tokenizer.fingerprint() + "\n";
    for (const auto& [file, pattern] : files_of(patterns)) {
      encoded.push_back(find_or_encode(file, tokenizer, cache_folder, limits, description));
      encoded.back().pattern = pattern;
    }
    packed = pack(encoded, sha256_of(description));
  });
  packed = broadcast_string(world, packed, 0);

  auto state = std::make_unique<Documents::State>();
  std::string problem;
  for (EncodedFile& file : unpack(packed, state->fingerprint)) {
    std::optional<MappedTokens> mapped = open_token_cache(file.cache_file, false);
    if (!mapped || static_cast<int64_t>(mapped->count()) != file.documents ||
        mapped->total_tokens() != file.tokens) {
      problem = fmt::format(
          "{}: rank {} cannot read what rank 0 wrote for {}; the cache folder must be the same on every host",
          file.cache_file, world.rank(), file.name);
      break;
    }
    SourceFacts facts{.name = std::move(file.name),
                      .kind = std::move(file.kind),
                      .pattern = file.pattern,
                      .documents = file.documents,
                      .tokens = file.tokens,
                      .counts = mapped->read_counts()};
    for (size_t i = 0; i < mapped->count(); ++i) {
      const CachedDocument document = mapped->document(i);
      facts.text_bytes += document.text_bytes;
      state->documents.push_back(
          {document.tokens, document.text_bytes, document.line, state->sources.size()});
    }
    state->sources.push_back(std::move(facts));
    state->mapped.push_back(std::move(*mapped));
  }
  throw_together(world, problem);
  return Documents(std::move(state));
}

Documents load_token_file(const fs::path& named, int64_t vocab_size) {
  const fs::path file = token_id_file(named);
  auto state = std::make_unique<Documents::State>();
  std::vector<std::pair<size_t, int64_t>> ends;  // of the documents that have ids, and their numbers
  read_token_ids(file, vocab_size, [&](std::span<const int32_t> ids, int64_t document, bool last) {
    state->ids.insert(state->ids.end(), ids.begin(), ids.end());
    const size_t begin = ends.empty() ? 0 : ends.back().first;
    if (last && state->ids.size() > begin) ends.emplace_back(state->ids.size(), document);
  });
  std::string borders;
  size_t begin = 0;
  for (const auto& [end, number] : ends) {
    const std::span<const int32_t> tokens(state->ids.data() + begin, end - begin);
    // The text is not known: one byte per token.
    state->documents.push_back(
        {.tokens = tokens, .bytes = static_cast<int64_t>(tokens.size()), .line = number});
    if (ends.size() > 1) borders += fmt::format("{}\n", end);
    begin = end;
  }
  const auto tokens = static_cast<int64_t>(state->ids.size());
  state->sources.push_back({.name = file.string(),
                            .kind = token_id_kind(file),
                            .documents = static_cast<int64_t>(ends.size()),
                            .tokens = tokens});
  std::string description = "ids\n";
  const std::string_view raw(reinterpret_cast<const char*>(state->ids.data()),
                             state->ids.size() * sizeof(int32_t));
  describe(description, file.string(), tokens, sha256_of(raw));
  state->fingerprint = sha256_of(description + borders);
  return Documents(std::move(state));
}

}  // namespace ropeway
