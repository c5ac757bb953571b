#include "trainer/data/token_cache.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cstring>
#include <string_view>
#include <utility>

#include "kernels/base/error.h"
#include "trainer/io/files.h"

namespace ropeway {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr char kMagic[] = "ropeway-tokens-1";

struct Header {
  char magic[16];
  int64_t count;
  int64_t source_bytes;
  char sha256[64];
};
static_assert(sizeof(Header) == 96);

Header header_of(const void* data) {
  Header header;
  std::memcpy(&header, data, sizeof header);
  return header;
}

}  // namespace

MappedTokens::MappedTokens(MappedTokens&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

MappedTokens& MappedTokens::operator=(MappedTokens&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedTokens::~MappedTokens() {
  if (data_ != nullptr) ::munmap(data_, bytes_);
}

std::span<const int32_t> MappedTokens::tokens() const {
  const auto* ids = reinterpret_cast<const int32_t*>(static_cast<const char*>(data_) + sizeof(Header));
  return {ids, (bytes_ - sizeof(Header)) / sizeof(int32_t)};
}

int64_t MappedTokens::source_bytes() const { return header_of(data_).source_bytes; }

std::string token_cache_name(const std::string& tokenizer_fingerprint, const std::string& source_sha256) {
  return sha256_of(tokenizer_fingerprint + "\n" + source_sha256).substr(0, 40) + ".tokens";
}

void write_token_cache(const std::filesystem::path& path, std::span<const int32_t> ids,
                       int64_t source_bytes) {
  const std::string_view payload(reinterpret_cast<const char*>(ids.data()), ids.size_bytes());
  Header header;
  std::memcpy(header.magic, kMagic, sizeof header.magic);
  header.count = static_cast<int64_t>(ids.size());
  header.source_bytes = source_bytes;
  const std::string digest = sha256_of(payload);
  ROPEWAY_CHECK(digest.size() == sizeof header.sha256, "SHA-256 of {} characters", digest.size());
  std::memcpy(header.sha256, digest.data(), sizeof header.sha256);
  std::string file;
  file.reserve(sizeof header + payload.size());
  file.append(reinterpret_cast<const char*>(&header), sizeof header);
  file.append(payload);
  write_file_atomically(path, file);
}

std::optional<MappedTokens> open_token_cache(const std::filesystem::path& path, bool verify_content) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  struct stat status {};
  void* data = MAP_FAILED;
  if (::fstat(fd, &status) == 0 && status.st_size > static_cast<off_t>(sizeof(Header))) {
    data = ::mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_SHARED, fd, 0);
  }
  ::close(fd);
  if (data == MAP_FAILED) return std::nullopt;

  MappedTokens mapped(data, static_cast<size_t>(status.st_size));
  const Header header = header_of(data);
  const int64_t payload_bytes = static_cast<int64_t>(status.st_size) - static_cast<int64_t>(sizeof(Header));
  if (std::memcmp(header.magic, kMagic, sizeof header.magic) != 0) return std::nullopt;
  if (payload_bytes % static_cast<int64_t>(sizeof(int32_t)) != 0 ||
      header.count != payload_bytes / static_cast<int64_t>(sizeof(int32_t))) {
    return std::nullopt;
  }
  if (verify_content) {
    const std::span<const int32_t> ids = mapped.tokens();
    const std::string_view payload(reinterpret_cast<const char*>(ids.data()), ids.size_bytes());
    if (sha256_of(payload) != std::string_view(header.sha256, sizeof header.sha256)) return std::nullopt;
  }
  return mapped;
}

}  // namespace ropeway
