// The token ids of one source file on disk, so that a text is encoded once and then memory-mapped.
//
//   ids      int32, the documents one after another
//   padding  0 or 4 bytes
//   records  one per document, three int64: the end of its ids (an index), the bytes of its text, its line in
//            the source (0: the whole source)
//   footer   "ropeway-tokens-2", number of ids and number of documents (int64), SHA-256 of all before it in
//            lower-case hex
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
#include <vector>

#include "trainer/files/output_file.h"
#include "trainer/files/sha256.h"

namespace ropeway {

struct CachedDocument {
  std::span<const int32_t> tokens;
  int64_t text_bytes = 0;
  int64_t line = 0;
};

// A read-only mapping of a cache file; stays valid when the file is replaced or removed meanwhile.
class MappedTokens {
 public:
  MappedTokens(MappedTokens&& other) noexcept;
  MappedTokens& operator=(MappedTokens&& other) noexcept;
  ~MappedTokens();

  size_t count() const;
  CachedDocument document(size_t i) const;
  int64_t total_tokens() const;

 private:
  friend std::optional<MappedTokens> open_token_cache(const std::filesystem::path&, bool);
  MappedTokens(void* data, size_t bytes) : data_(data), bytes_(bytes) {}
  bool is_well_formed(bool verify_content) const;
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

// The file's name: a hash of what determines the ids. source_format: how the source is read,
// "" for plain text.
std::string token_cache_name(const std::string& tokenizer_fingerprint, const std::string& source_sha256,
                             const std::string& source_format);

class TokenCacheWriter {
 public:
  // The folder exists. Throws kCannotCreate.
  explicit TokenCacheWriter(const std::filesystem::path& path);
  void add(std::span<const int32_t> ids, int64_t text_bytes, int64_t line);  // kIo
  int64_t documents() const { return static_cast<int64_t>(records_.size()) / 3; }
  // Gives the file its name. Without it nothing stays.
  void finish();

 private:
  void write(const void* data, size_t bytes);

  std::filesystem::path path_;
  OutputFile file_;
  Sha256 hash_;
  std::vector<int64_t> records_;
  int64_t ids_ = 0;
};

// nullopt when it is absent, unreadable or its parts do not fit together; with verify_content also when it
// does not have the recorded SHA-256.
std::optional<MappedTokens> open_token_cache(const std::filesystem::path& path, bool verify_content);

}  // namespace ropeway
