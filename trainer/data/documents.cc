#include "trainer/data/documents.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <system_error>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/data/file_pattern.h"
#include "trainer/data/npy.h"
#include "trainer/data/token_cache.h"
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
  std::string cache_file;
  int64_t documents = 0, tokens = 0;
};

// Only the file's own name: a corpus that moved to another folder is still the same data.
void describe(std::string& description, const std::string& name, int64_t tokens, const std::string& sha256) {
  const std::string file_name = fs::path(name).filename().string();
  description += fmt::format("{}:{}\n{}\n{}\n", file_name.size(), file_name, tokens, sha256);
}

// Writes the cache file; the source is read a second time after its hash gave the name.
void encode_file(const fs::path& source, const std::string& source_sha256, const Tokenizer& tokenizer,
                 const fs::path& cache_file, const TextFileLimits& limits) {
  TokenCacheWriter cache(cache_file);
  const auto encode = [&](std::string_view text, int64_t line) {
    const std::vector<int32_t> ids = tokenizer.encode(text, {.add_special_tokens = true});
    const std::string where = line == 0 ? source.string() : fmt::format("{}:{}", source.string(), line);
    if (ids.empty()) fail(ErrorKind::kBadData, "{}: the text gives no tokens", where);
    cache.add(ids, static_cast<int64_t>(text.size()), line);
  };
  const TextFileSummary summary = read_text_documents(source, limits, encode);
  if (summary.sha256 != source_sha256) {
    fail(ErrorKind::kBadData, "{}: changed while it was read", source.string());
  }
  if (summary.documents == 0) {
    fail(ErrorKind::kBadData, "{}: the file is empty, wanted {}", source.string(),
         summary.without_text > 0 ? "documents with text" : "text");
  }
  if (summary.without_text > 0) {
    log_info("{}: {} lines have an empty text and are left out, {} documents stay", source.string(),
             summary.without_text, summary.documents);
  }
  cache.finish();
}

// Encodes the file unless the cache has it; rank 0 only.
EncodedFile find_or_encode(const fs::path& source, const Tokenizer& tokenizer, const fs::path& cache_folder,
                           const TextFileLimits& limits, std::string& description) {
  const std::string source_sha256 = sha256_of_file(source);
  EncodedFile encoded;
  encoded.name = source.string();
  encoded.cache_file =
      (cache_folder / token_cache_name(tokenizer.fingerprint(), source_sha256, text_file_format(source)))
          .string();
  std::optional<MappedTokens> mapped = open_token_cache(encoded.cache_file, true);
  if (!mapped) {
    std::error_code error;
    if (fs::exists(encoded.cache_file, error)) {
      log_warning("{}: does not verify; encoding {} again", encoded.cache_file, encoded.name);
    }
    require_writable_folder(cache_folder, static_cast<int64_t>(fs::file_size(source, error)));
    encode_file(source, source_sha256, tokenizer, encoded.cache_file, limits);
    mapped = open_token_cache(encoded.cache_file, true);
    if (!mapped) {
      fail(ErrorKind::kIo, "{}: was just written and does not read back as written", encoded.cache_file);
    }
  }
  encoded.documents = static_cast<int64_t>(mapped->count());
  encoded.tokens = mapped->total_tokens();
  describe(description, encoded.name, encoded.tokens, source_sha256);
  return encoded;
}

// Fields separated by NUL, which no path can hold.
std::string pack(const std::vector<EncodedFile>& files, const std::string& fingerprint) {
  std::string packed = fingerprint + '\0';
  for (const EncodedFile& file : files) {
    for (const std::string& field :
         {file.name, file.cache_file, std::to_string(file.documents), std::to_string(file.tokens)}) {
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
    file.cache_file = next();
    file.documents = std::stoll(next());
    file.tokens = std::stoll(next());
    files.push_back(std::move(file));
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
    if (patterns.empty()) fail(ErrorKind::kConfig, "no text files are named");
    std::vector<fs::path> files;
    std::set<fs::path> taken;  // a file that two patterns match is one document
    for (const std::string& pattern : patterns) {
      for (const fs::path& file : expand_file_pattern(pattern)) {
        std::error_code error;
        const fs::path canonical = fs::canonical(file, error);
        if (taken.insert(error ? file : canonical).second) files.push_back(file);
      }
    }
    std::vector<EncodedFile> encoded;
    std::string description = tokenizer.fingerprint() + "\n";
    for (const fs::path& file : files) {
      encoded.push_back(find_or_encode(file, tokenizer, cache_folder, limits, description));
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
    for (size_t i = 0; i < mapped->count(); ++i) {
      const CachedDocument document = mapped->document(i);
      state->documents.push_back(
          {document.tokens, document.text_bytes, document.line, state->sources.size()});
    }
    state->sources.push_back(
        {.name = std::move(file.name), .documents = file.documents, .tokens = file.tokens});
    state->mapped.push_back(std::move(*mapped));
  }
  throw_together(world, problem);
  return Documents(std::move(state));
}

Documents load_token_file(const fs::path& npy, int64_t vocab_size) {
  auto state = std::make_unique<Documents::State>();
  state->sources.push_back({.name = npy.string()});
  state->ids = read_npy_token_ids(npy, vocab_size);
  const auto tokens = static_cast<int64_t>(state->ids.size());
  // The text is not known: one byte per token.
  state->documents.push_back({.tokens = state->ids, .bytes = tokens});
  std::string description = "ids\n";
  const std::string_view raw(reinterpret_cast<const char*>(state->ids.data()),
                             state->ids.size() * sizeof(int32_t));
  describe(description, npy.string(), tokens, sha256_of(raw));
  state->fingerprint = sha256_of(description);
  return Documents(std::move(state));
}

void require_document_of(const Documents& documents, int64_t length, const std::string& purpose) {
  constexpr size_t kMaxListed = 8;
  std::string sizes;
  for (size_t i = 0; i < documents.count(); ++i) {
    const int64_t tokens = static_cast<int64_t>(documents.tokens(i).size());
    if (tokens >= length) return;
    if (i < kMaxListed) sizes += fmt::format("{}{}: {}", i == 0 ? "" : ", ", documents.name(i), tokens);
  }
  if (documents.count() > kMaxListed) sizes += fmt::format(" and {} more", documents.count() - kMaxListed);
  fail(ErrorKind::kBadData, "{}: no document has {} tokens ({}); give a longer text or a shorter length",
       purpose, length, sizes);
}

std::vector<std::vector<int32_t>> whole_document_windows(const Documents& documents, int64_t length,
                                                         int64_t limit) {
  ROPEWAY_CHECK(length > 0, "length {}", length);
  std::vector<std::vector<int32_t>> windows;
  bool found = true;
  for (int64_t begin = 0; found; begin += length) {
    found = false;
    for (size_t i = 0; i < documents.count(); ++i) {
      const std::span<const int32_t> tokens = documents.tokens(i);
      if (static_cast<int64_t>(windows.size()) >= limit) return windows;
      if (static_cast<int64_t>(tokens.size()) - begin < length) continue;
      windows.emplace_back(tokens.begin() + begin, tokens.begin() + begin + length);
      found = true;
    }
  }
  return windows;
}

}  // namespace ropeway
