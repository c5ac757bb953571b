// The token ids of one source file on disk, so that a text is encoded once and then memory-mapped.
//
//   ids      int32, the documents one after another
//   padding  0 or 4 bytes
//   records  one per document, five int64: the end of its ids (an index), the bytes of its text, its line in
//            the source (0: the whole source), what it is (DocumentForm), the end of its runs (an index)
//   runs     of the examples, one after another: begin and end (int64) of each stretch of tokens that is
//            scored, counted from the example's first
//   footer   "ropeway-tokens-5", number of ids, of documents and of runs (int64), what was counted while the
//            source was read (ReadCounts: int64 each), SHA-256 of all before it in lower-case hex
//
// Little-endian. Written document by document under a temporary name; a file is there whole or not at all,
// and one that does not verify counts as absent.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "trainer/data/example.h"
#include "trainer/data/source_facts.h"
#include "trainer/files/mapped_file.h"
#include "trainer/files/output_file.h"
#include "trainer/files/sha256.h"

namespace ropeway {

// kExample: scored in part, as its runs say, and never cut. kWholeExample: one with all of its marks in its
// ids, as its template or whoever made them put them.
enum class DocumentForm : int64_t { kText, kExample, kWholeExample };

struct CachedDocument {
  std::span<const int32_t> tokens;
  int64_t text_bytes = 0;
  int64_t line = 0;
  DocumentForm form = DocumentForm::kText;
  std::span<const ScoredRun> scored = {};  // ascending, apart; empty for a text, all of which is scored
};

// A read-only mapping of a cache file; stays valid when the file is replaced or removed meanwhile.
class MappedTokens {
 public:
  size_t count() const;
  CachedDocument document(size_t i) const;
  int64_t total_tokens() const;
  ReadCounts read_counts() const;

 private:
  friend std::optional<MappedTokens> open_token_cache(const std::filesystem::path&, bool);
  explicit MappedTokens(MappedFile file) : file_(std::move(file)) {}
  bool is_well_formed(bool verify_content) const;
  const char* data() const { return reinterpret_cast<const char*>(file_.bytes().data()); }

  MappedFile file_;
};

// The file's name: a hash of what determines the ids. source_kind: how the source is read.
std::string token_cache_name(const std::string& tokenizer_fingerprint, const std::string& source_sha256,
                             const std::string& source_kind);

class TokenCacheWriter {
 public:
  // The folder exists. Throws kCannotCreate.
  explicit TokenCacheWriter(const std::filesystem::path& path);
  // A document in parts: its ids in order, then its end. Throw kIo.
  void append(std::span<const int32_t> ids);
  void end_document(int64_t text_bytes, int64_t line, DocumentForm form = DocumentForm::kText,
                    std::span<const ScoredRun> scored = {});
  int64_t documents() const { return static_cast<int64_t>(records_.size()) / 5; }
  // Gives the file its name. Without it nothing stays.
  void finish(const ReadCounts& counts);

 private:
  void write(const void* data, size_t bytes);

  std::filesystem::path path_;
  OutputFile file_;
  Sha256 hash_;
  std::vector<int64_t> records_;
  std::vector<ScoredRun> runs_;
  int64_t ids_ = 0;
};

// nullopt when it is absent, unreadable or its parts do not fit together; with verify_content also when it
// does not have the recorded SHA-256.
std::optional<MappedTokens> open_token_cache(const std::filesystem::path& path, bool verify_content);

}  // namespace ropeway
