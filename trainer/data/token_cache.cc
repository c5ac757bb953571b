#include "trainer/data/token_cache.h"

#include <bit>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "kernels/base/error.h"
#include "trainer/files/files.h"

namespace ropeway {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr char kMagic[] = "ropeway-tokens-5";

struct Record {
  int64_t end, text_bytes, line, form, runs_end;
};

struct Footer {
  char magic[16];
  int64_t ids;
  int64_t documents;
  int64_t runs;
  ReadCounts counts;
  char sha256[64];
};
static_assert(sizeof(Record) == 40 && sizeof(ScoredRun) == 16 && sizeof(Footer) == 152 &&
              std::is_trivially_copyable_v<Footer>);
constexpr size_t kSigned = offsetof(Footer, sha256);  // bytes of the footer that the hash covers as well

size_t padded_bytes(int64_t ids) { return (static_cast<size_t>(ids) * sizeof(int32_t) + 7) / 8 * 8; }

Footer footer_of(std::span<const std::byte> file) {
  Footer footer;
  std::memcpy(&footer, file.data() + file.size() - sizeof footer, sizeof footer);
  return footer;
}

}  // namespace

int64_t MappedTokens::total_tokens() const { return footer_of(file_.bytes()).ids; }
ReadCounts MappedTokens::read_counts() const { return footer_of(file_.bytes()).counts; }

size_t MappedTokens::count() const { return static_cast<size_t>(footer_of(file_.bytes()).documents); }

CachedDocument MappedTokens::document(size_t i) const {
  const auto* ids = reinterpret_cast<const int32_t*>(data());
  const auto* records = reinterpret_cast<const Record*>(data() + padded_bytes(total_tokens()));
  const auto* runs = reinterpret_cast<const ScoredRun*>(records + count());
  const int64_t begin = i == 0 ? 0 : records[i - 1].end, runs_begin = i == 0 ? 0 : records[i - 1].runs_end;
  return {{ids + begin, ids + records[i].end},
          records[i].text_bytes,
          records[i].line,
          static_cast<DocumentForm>(records[i].form),
          {runs + runs_begin, runs + records[i].runs_end}};
}

bool MappedTokens::is_well_formed(bool verify_content) const {
  const size_t bytes = file_.bytes().size();
  if (bytes <= sizeof(Footer)) return false;
  const Footer footer = footer_of(file_.bytes());
  if (std::memcmp(footer.magic, kMagic, sizeof footer.magic) != 0) return false;
  const auto most = static_cast<int64_t>(bytes);
  if (footer.ids < 1 || footer.ids > most || footer.documents < 1 || footer.documents > most) return false;
  if (footer.runs < 0 || footer.runs > most) return false;
  const size_t wanted = padded_bytes(footer.ids) + static_cast<size_t>(footer.documents) * sizeof(Record) +
                        static_cast<size_t>(footer.runs) * sizeof(ScoredRun) + sizeof(Footer);
  if (bytes != wanted) return false;
  if (verify_content) {
    const std::string_view content(data(), bytes - sizeof(Footer) + kSigned);
    if (sha256_of(content) != std::string_view(footer.sha256, sizeof footer.sha256)) return false;
  }
  const auto* records = reinterpret_cast<const Record*>(data() + padded_bytes(footer.ids));
  const auto* runs = reinterpret_cast<const ScoredRun*>(records + footer.documents);
  int64_t end = 0, runs_end = 0;
  for (int64_t i = 0; i < footer.documents; ++i) {
    const Record& record = records[i];
    if (record.end <= end || record.runs_end < runs_end || record.runs_end > footer.runs) return false;
    if (record.form < 0 || record.form > static_cast<int64_t>(DocumentForm::kWholeExample)) return false;
    int64_t scored = 0;
    for (; runs_end < record.runs_end; ++runs_end) {
      const ScoredRun& run = runs[runs_end];
      if (run.begin < scored || run.end <= run.begin || run.end > record.end - end) return false;
      scored = run.end;
    }
    end = record.end;
  }
  return end == footer.ids && runs_end == footer.runs;
}

std::string token_cache_name(const std::string& tokenizer_fingerprint, const std::string& source_sha256,
                             const std::string& source_kind) {
  // With the layout's version: a file of another layout is another file, not a damaged one.
  const std::string described =
      fmt::format("{}\n{}\n{}\n{}", kMagic, tokenizer_fingerprint, source_sha256, source_kind);
  return sha256_of(described).substr(0, 40) + ".tokens";
}

TokenCacheWriter::TokenCacheWriter(const std::filesystem::path& path)
    : path_(path),
      file_(path.parent_path() / fmt::format(".{}.tmp-{}", path.filename().string(), make_uuid())) {}

void TokenCacheWriter::write(const void* data, size_t bytes) {
  hash_.update(data, bytes);
  file_.write(data, static_cast<int64_t>(bytes));
}

void TokenCacheWriter::append(std::span<const int32_t> ids) {
  write(ids.data(), ids.size_bytes());
  ids_ += static_cast<int64_t>(ids.size());
}

void TokenCacheWriter::end_document(int64_t text_bytes, int64_t line, DocumentForm form,
                                    std::span<const ScoredRun> scored) {
  runs_.insert(runs_.end(), scored.begin(), scored.end());
  records_.insert(records_.end(), {ids_, text_bytes, line, static_cast<int64_t>(form), std::ssize(runs_)});
}

void TokenCacheWriter::finish(const ReadCounts& counts) {
  const int32_t padding = 0;
  if (ids_ % 2 != 0) write(&padding, sizeof padding);
  write(records_.data(), records_.size() * sizeof(int64_t));
  write(runs_.data(), runs_.size() * sizeof(ScoredRun));
  Footer footer;
  std::memcpy(footer.magic, kMagic, sizeof footer.magic);
  footer.ids = ids_;
  footer.documents = documents();
  footer.runs = std::ssize(runs_);
  footer.counts = counts;
  hash_.update(&footer, kSigned);
  const std::string digest = hash_.finish();
  ROPEWAY_CHECK(digest.size() == sizeof footer.sha256, "SHA-256 of {} characters", digest.size());
  std::memcpy(footer.sha256, digest.data(), sizeof footer.sha256);
  file_.write(&footer, sizeof footer);
  file_.keep();
  rename_file(file_.path(), path_);
}

std::optional<MappedTokens> open_token_cache(const std::filesystem::path& path, bool verify_content) {
  try {
    MappedTokens mapped{MappedFile(path)};
    if (mapped.is_well_formed(verify_content)) return mapped;
  } catch (const Error&) {
    // Absent or unreadable.
  }
  return std::nullopt;
}

}  // namespace ropeway
