// One source document's token ids on disk, so that a text is encoded once and then memory-mapped.
//   bytes 0..15   "ropeway-tokens-1"
//   16..23, 24..31  number of ids, bytes of the source text (int64)
//   32..95        SHA-256 of the ids, lower-case hex
//   96..          the ids, int32, little-endian
// A file is written whole or not at all; one that does not verify counts as absent.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

namespace ropeway {

// A read-only mapping of a cache file; stays valid when the file is replaced or removed meanwhile.
class MappedTokens {
 public:
  MappedTokens(MappedTokens&& other) noexcept;
  MappedTokens& operator=(MappedTokens&& other) noexcept;
  ~MappedTokens();

  std::span<const int32_t> tokens() const;
  int64_t source_bytes() const;

 private:
  friend std::optional<MappedTokens> open_token_cache(const std::filesystem::path&, bool);
  MappedTokens(void* data, size_t bytes) : data_(data), bytes_(bytes) {}
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

// The file's name: a hash of what determines the ids.
std::string token_cache_name(const std::string& tokenizer_fingerprint, const std::string& source_sha256);

void write_token_cache(const std::filesystem::path& path, std::span<const int32_t> ids, int64_t source_bytes);

// nullopt when it is absent, unreadable or its size does not fit its header; with verify_content also when
// the ids do not have the recorded SHA-256.
std::optional<MappedTokens> open_token_cache(const std::filesystem::path& path, bool verify_content);

}  // namespace ropeway
