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
#include "trainer/files/files.h"

namespace ropeway {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr char kMagic[] = "ropeway-tokens-2";

struct Record {
  int64_t end, text_bytes, line;
};

struct Footer {
  char magic[16];
  int64_t ids;
  int64_t documents;
  char sha256[64];
};
static_assert(sizeof(Record) == 24 && sizeof(Footer) == 96);
constexpr size_t kSigned = offsetof(Footer, sha256);  // bytes of the footer that the hash covers as well

size_t padded_bytes(int64_t ids) { return (static_cast<size_t>(ids) * sizeof(int32_t) + 7) / 8 * 8; }

Footer footer_of(const char* data, size_t bytes) {
  Footer footer;
  std::memcpy(&footer, data + bytes - sizeof footer, sizeof footer);
  return footer;
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

int64_t MappedTokens::total_tokens() const { return footer_of(static_cast<const char*>(data_), bytes_).ids; }

size_t MappedTokens::count() const {
  return static_cast<size_t>(footer_of(static_cast<const char*>(data_), bytes_).documents);
}

CachedDocument MappedTokens::document(size_t i) const {
  const char* bytes = static_cast<const char*>(data_);
  const auto* ids = reinterpret_cast<const int32_t*>(bytes);
  const auto* records = reinterpret_cast<const Record*>(bytes + padded_bytes(total_tokens()));
  const int64_t begin = i == 0 ? 0 : records[i - 1].end;
  return {{ids + begin, ids + records[i].end}, records[i].text_bytes, records[i].line};
}

bool MappedTokens::is_well_formed(bool verify_content) const {
  const char* bytes = static_cast<const char*>(data_);
  const Footer footer = footer_of(bytes, bytes_);
  if (std::memcmp(footer.magic, kMagic, sizeof footer.magic) != 0) return false;
  const auto most = static_cast<int64_t>(bytes_);
  if (footer.ids < 1 || footer.ids > most || footer.documents < 1 || footer.documents > most) return false;
  const size_t wanted =
      padded_bytes(footer.ids) + static_cast<size_t>(footer.documents) * sizeof(Record) + sizeof(Footer);
  if (bytes_ != wanted) return false;
  if (verify_content) {
    const std::string_view content(bytes, bytes_ - sizeof(Footer) + kSigned);
    if (sha256_of(content) != std::string_view(footer.sha256, sizeof footer.sha256)) return false;
  }
  const auto* records = reinterpret_cast<const Record*>(bytes + padded_bytes(footer.ids));
  int64_t end = 0;
  for (int64_t i = 0; i < footer.documents; ++i) {
    if (records[i].end <= end) return false;
    end = records[i].end;
  }
  return end == footer.ids;
}

std::string token_cache_name(const std::string& tokenizer_fingerprint, const std::string& source_sha256,
                             const std::string& source_format) {
  std::string described = tokenizer_fingerprint + "\n" + source_sha256;
  if (!source_format.empty()) described += "\n" + source_format;
  return sha256_of(described).substr(0, 40) + ".tokens";
}

TokenCacheWriter::TokenCacheWriter(const std::filesystem::path& path)
    : path_(path),
      file_(path.parent_path() / fmt::format(".{}.tmp-{}", path.filename().string(), make_uuid())) {}

void TokenCacheWriter::write(const void* data, size_t bytes) {
  hash_.update(data, bytes);
  file_.write(data, static_cast<int64_t>(bytes));
}

void TokenCacheWriter::add(std::span<const int32_t> ids, int64_t text_bytes, int64_t line) {
  write(ids.data(), ids.size_bytes());
  ids_ += static_cast<int64_t>(ids.size());
  records_.insert(records_.end(), {ids_, text_bytes, line});
}

void TokenCacheWriter::finish() {
  const int32_t padding = 0;
  if (ids_ % 2 != 0) write(&padding, sizeof padding);
  write(records_.data(), records_.size() * sizeof(int64_t));
  Footer footer;
  std::memcpy(footer.magic, kMagic, sizeof footer.magic);
  footer.ids = ids_;
  footer.documents = documents();
  hash_.update(&footer, kSigned);
  const std::string digest = hash_.finish();
  ROPEWAY_CHECK(digest.size() == sizeof footer.sha256, "SHA-256 of {} characters", digest.size());
  std::memcpy(footer.sha256, digest.data(), sizeof footer.sha256);
  file_.write(&footer, sizeof footer);
  file_.keep();
  rename_file(file_.path(), path_);
}

std::optional<MappedTokens> open_token_cache(const std::filesystem::path& path, bool verify_content) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  struct stat status {};
  void* data = MAP_FAILED;
  if (::fstat(fd, &status) == 0 && status.st_size > static_cast<off_t>(sizeof(Footer))) {
    data = ::mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_SHARED, fd, 0);
  }
  ::close(fd);
  if (data == MAP_FAILED) return std::nullopt;
  MappedTokens mapped(data, static_cast<size_t>(status.st_size));
  if (!mapped.is_well_formed(verify_content)) return std::nullopt;
  return mapped;
}

}  // namespace ropeway
