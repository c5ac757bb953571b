#include "trainer/data/documents.h"

#include <string_view>

#include "kernels/base/error.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/data/corpus_files.h"
#include "trainer/data/source_files.h"
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
    DocumentForm form = DocumentForm::kText;
    std::span<const ScoredRun> scored = {};
  };
  std::vector<Document> documents;
  std::vector<SourceFacts> sources;
  std::vector<MappedTokens> mapped;
  std::vector<int32_t> ids;
  std::string fingerprint;

  void add(EncodedFile file, MappedTokens tokens) {
    SourceFacts facts{.name = std::move(file.name),
                      .kind = std::move(file.kind),
                      .records = file.records,
                      .pattern = file.pattern,
                      .documents = file.documents,
                      .tokens = file.tokens,
                      .counts = tokens.read_counts()};
    for (size_t i = 0; i < tokens.count(); ++i) {
      const CachedDocument document = tokens.document(i);
      facts.text_bytes += document.text_bytes;
      documents.push_back({document.tokens, document.text_bytes, document.line, sources.size(), document.form,
                           document.scored});
    }
    sources.push_back(std::move(facts));
    mapped.push_back(std::move(tokens));
  }
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
DocumentForm Documents::form(size_t document) const { return state_->documents.at(document).form; }
std::span<const ScoredRun> Documents::scored(size_t document) const {
  return state_->documents.at(document).scored;
}
size_t Documents::source(size_t document) const { return state_->documents.at(document).source; }
const std::string& Documents::fingerprint() const { return state_->fingerprint; }

namespace {

// Only the file's own name: a corpus that moved to another folder is still the same data.
void describe(std::string& description, const std::string& name, int64_t tokens, const std::string& sha256) {
  const std::string file_name = fs::path(name).filename().string();
  description += fmt::format("{}:{}\n{}\n{}\n", file_name.size(), file_name, tokens, sha256);
}

void describe(std::string& description, const EncodedFile& file) {
  describe(description, file.name, file.tokens, file.sha256);
  // The same examples under another template are other data.
  if (file.records != RecordKind::kText) description += file.encoding + "\n";
}

// Fields separated by NUL, which no path can hold.
std::string pack(const std::vector<EncodedFile>& files, const std::string& fingerprint) {
  std::string packed = fingerprint + '\0';
  for (const EncodedFile& file : files) {
    for (const std::string& field :
         {file.name, file.kind, file.cache_file, std::to_string(file.pattern), std::to_string(file.documents),
          std::to_string(file.tokens), std::to_string(static_cast<int>(file.records))}) {
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
    file.records = static_cast<RecordKind>(std::stoi(next()));
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace

Documents load_documents(Communicator& world, const std::vector<std::string>& patterns,
                         const Tokenizer& tokenizer, const fs::path& cache_folder,
                         const TextFileLimits& limits, const ChatTemplate& chat) {
  std::string packed;
  run_on_rank(world, 0, [&] {
    std::vector<EncodedFile> encoded;
    std::string description = tokenizer.fingerprint() + "\n";
    for (const auto& [file, pattern] : corpus_files(patterns)) {
      encoded.push_back(find_or_encode(file, {tokenizer, cache_folder, limits, chat}));
      encoded.back().pattern = pattern;
      describe(description, encoded.back());
    }
    packed = pack(encoded, sha256_of(description));
  });
  packed = broadcast_string(world, packed, 0);

  auto state = std::make_unique<Documents::State>();
  run_on_all_ranks(world, [&] {
    for (EncodedFile& file : unpack(packed, state->fingerprint)) {
      std::optional<MappedTokens> mapped = open_token_cache(file.cache_file, false);
      if (!mapped || static_cast<int64_t>(mapped->count()) != file.documents ||
          mapped->total_tokens() != file.tokens) {
        fail(ErrorKind::kMissingInput,
             "{}: rank {} cannot read what rank 0 wrote for {}; the cache folder must be the same on every "
             "host",
             file.cache_file, world.rank(), file.name);
      }
      state->add(std::move(file), std::move(*mapped));
    }
  });
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
