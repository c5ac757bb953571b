#include "trainer/data/documents.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <system_error>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "trainer/data/file_pattern.h"
#include "trainer/data/npy.h"
#include "trainer/data/token_cache.h"
#include "trainer/io/files.h"

namespace ropeway {

namespace fs = std::filesystem;

struct Documents::State {
  struct Document {
    std::string name;
    int64_t bytes = 0;
    std::optional<MappedTokens> mapped;  // either this
    std::vector<int32_t> ids;            // or this

    std::span<const int32_t> tokens() const { return mapped ? mapped->tokens() : std::span(ids); }
  };
  std::vector<Document> documents;
  std::string fingerprint;
};

Documents::Documents(std::unique_ptr<State> state) : state_(std::move(state)) {}
Documents::~Documents() = default;
Documents::Documents(Documents&&) noexcept = default;
Documents& Documents::operator=(Documents&&) noexcept = default;

size_t Documents::count() const { return state_->documents.size(); }
std::span<const int32_t> Documents::tokens(size_t document) const {
  return state_->documents.at(document).tokens();
}
const std::string& Documents::name(size_t document) const { return state_->documents.at(document).name; }
int64_t Documents::bytes(size_t document) const { return state_->documents.at(document).bytes; }
int64_t Documents::total_tokens() const {
  int64_t total = 0;
  for (const auto& document : state_->documents) total += static_cast<int64_t>(document.tokens().size());
  return total;
}
const std::string& Documents::fingerprint() const { return state_->fingerprint; }

namespace {

// What rank 0 found out about a document and tells the others.
struct CachedDocument {
  std::string name;
  std::string cache_file;
  int64_t source_bytes = 0;
  int64_t tokens = 0;
};

// Only the file's own name: a corpus that moved to another folder is still the same data.
void describe(std::string& description, const std::string& name, int64_t tokens, const std::string& sha256) {
  const std::string file_name = fs::path(name).filename().string();
  description += fmt::format("{}:{}\n{}\n{}\n", file_name.size(), file_name, tokens, sha256);
}

// Encodes the file unless the cache has it; rank 0 only.
CachedDocument cache_document(const fs::path& source, const Tokenizer& tokenizer,
                              const fs::path& cache_folder, std::string& description) {
  const std::string text = read_text_file(source);
  if (text.empty()) fail(ErrorKind::kBadData, "{}: the file is empty, wanted text", source.string());
  const std::string source_sha256 = sha256_of(text);
  CachedDocument cached;
  cached.name = source.string();
  cached.cache_file = (cache_folder / token_cache_name(tokenizer.fingerprint(), source_sha256)).string();
  cached.source_bytes = static_cast<int64_t>(text.size());

  std::optional<MappedTokens> mapped = open_token_cache(cached.cache_file, true);
  if (mapped && mapped->source_bytes() != cached.source_bytes) mapped.reset();
  if (!mapped) {
    std::error_code error;
    if (fs::exists(cached.cache_file, error)) {
      log_warning("{}: does not verify; encoding {} again", cached.cache_file, cached.name);
    }
    const std::vector<int32_t> ids = tokenizer.encode(text, {.add_special_tokens = true});
    if (ids.empty()) fail(ErrorKind::kBadData, "{}: the text gives no tokens", cached.name);
    require_writable_folder(cache_folder, static_cast<int64_t>(ids.size() * sizeof(int32_t)));
    write_token_cache(cached.cache_file, ids, cached.source_bytes);
    mapped = open_token_cache(cached.cache_file, true);
    if (!mapped) {
      fail(ErrorKind::kIo, "{}: was just written and does not read back as written", cached.cache_file);
    }
  }
  cached.tokens = static_cast<int64_t>(mapped->tokens().size());
  describe(description, cached.name, cached.tokens, source_sha256);
  return cached;
}

// Fields separated by NUL, which no path can hold.
std::string pack(const std::vector<CachedDocument>& documents, const std::string& fingerprint) {
  std::string packed = fingerprint + '\0';
  for (const CachedDocument& d : documents) {
    for (const std::string& field :
         {d.name, d.cache_file, std::to_string(d.source_bytes), std::to_string(d.tokens)}) {
      packed += field + '\0';
    }
  }
  return packed;
}

std::vector<CachedDocument> unpack(std::string_view packed, std::string& fingerprint) {
  const auto next = [&packed] {
    const size_t end = packed.find('\0');
    ROPEWAY_CHECK(end != std::string_view::npos, "document list cut short");
    const std::string field(packed.substr(0, end));
    packed.remove_prefix(end + 1);
    return field;
  };
  fingerprint = next();
  std::vector<CachedDocument> documents;
  while (!packed.empty()) {
    CachedDocument d;
    d.name = next();
    d.cache_file = next();
    d.source_bytes = std::stoll(next());
    d.tokens = std::stoll(next());
    documents.push_back(std::move(d));
  }
  return documents;
}

// If opening failed on any rank, all throw: the first failed rank's message.
void throw_together(Communicator& world, const std::string& problem) {
  for (const std::string& message : all_gather_strings(world, problem)) {
    if (!message.empty()) fail(ErrorKind::kMissingInput, "{}", message);
  }
}

}  // namespace

Documents load_documents(Communicator& world, const std::vector<std::string>& patterns,
                         const Tokenizer& tokenizer, const fs::path& cache_folder) {
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
    std::vector<CachedDocument> documents;
    std::string description = tokenizer.fingerprint() + "\n";
    for (const fs::path& file : files) {
      documents.push_back(cache_document(file, tokenizer, cache_folder, description));
    }
    packed = pack(documents, sha256_of(description));
  });
  packed = broadcast_string(world, packed, 0);

  auto state = std::make_unique<Documents::State>();
  std::string problem;
  for (CachedDocument& cached : unpack(packed, state->fingerprint)) {
    Documents::State::Document document;
    document.mapped = open_token_cache(cached.cache_file, false);
    if (!document.mapped || static_cast<int64_t>(document.mapped->tokens().size()) != cached.tokens) {
      problem = fmt::format(
          "{}: rank {} cannot read what rank 0 wrote for {}; the cache folder must be the same on every host",
          cached.cache_file, world.rank(), cached.name);
      break;
    }
    document.name = std::move(cached.name);
    document.bytes = cached.source_bytes;
    state->documents.push_back(std::move(document));
  }
  throw_together(world, problem);
  return Documents(std::move(state));
}

Documents load_token_file(const fs::path& npy, int64_t vocab_size) {
  Documents::State::Document document;
  document.name = npy.string();
  document.ids = read_npy_token_ids(npy, vocab_size);
  document.bytes = static_cast<int64_t>(document.ids.size());  // the text is not known: one byte a token
  auto state = std::make_unique<Documents::State>();
  std::string description = "ids\n";
  const std::string_view raw(reinterpret_cast<const char*>(document.ids.data()),
                             document.ids.size() * sizeof(int32_t));
  describe(description, document.name, document.bytes, sha256_of(raw));
  state->fingerprint = sha256_of(description);
  state->documents.push_back(std::move(document));
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
