#include "trainer/data/marked_documents.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/config/lengths.h"
#include "trainer/data/documents.h"

namespace ropeway {
namespace {

int64_t ssize(const std::vector<int32_t>& ids) { return static_cast<int64_t>(ids.size()); }

// Copies the part of `from` that lies in [begin, begin + to.size()) when `from` starts at `at`.
void copy_part(std::span<const int32_t> from, int64_t at, int64_t begin, std::span<int32_t> to) {
  const int64_t first = std::max(at, begin);
  const int64_t last = std::min(at + std::ssize(from), begin + std::ssize(to));
  if (first < last) std::copy_n(from.begin() + (first - at), last - first, to.begin() + (first - begin));
}

}  // namespace

MarkedDocuments::MarkedDocuments(const Documents& documents, DocumentMarks marks, std::vector<double> weights)
    : documents_(documents), marks_(std::move(marks)), weights_(std::move(weights)) {}

size_t MarkedDocuments::count() const { return documents_.count(); }

std::span<const int32_t> MarkedDocuments::text(size_t document) const {
  std::span<const int32_t> tokens = documents_.tokens(document);
  const auto &before = marks_.before, &after = marks_.after;
  if (tokens.size() > before.size() && std::equal(before.begin(), before.end(), tokens.begin())) {
    tokens = tokens.subspan(before.size());
  }
  if (tokens.size() > after.size() &&
      std::equal(after.begin(), after.end(), tokens.end() - std::ssize(after))) {
    tokens = tokens.first(tokens.size() - after.size());
  }
  return tokens;
}

int64_t MarkedDocuments::size(size_t document) const {
  return ssize(marks_.before) + std::ssize(text(document)) + ssize(marks_.after);
}

double MarkedDocuments::weight(size_t document) const {
  return weights_.empty() ? 1 : weights_.at(documents_.sources()[documents_.source(document)].pattern);
}

void MarkedDocuments::copy(size_t document, int64_t begin, std::span<int32_t> to) const {
  const std::span<const int32_t> own = text(document);
  const int64_t text_begin = ssize(marks_.before), text_end = text_begin + std::ssize(own);
  ROPEWAY_CHECK(begin >= 0 && begin + std::ssize(to) <= text_end + ssize(marks_.after),
                "tokens [{}, {}) of a document of {}", begin, begin + std::ssize(to),
                text_end + ssize(marks_.after));
  copy_part(marks_.before, 0, begin, to);
  copy_part(own, text_begin, begin, to);
  copy_part(marks_.after, text_end, begin, to);
}

std::vector<int32_t> MarkedDocuments::window(size_t document, int64_t begin, int64_t length) const {
  const auto stretch =
      text(document).subspan(static_cast<size_t>(begin), static_cast<size_t>(text_tokens(length)));
  std::vector<int32_t> tokens = marks_.before;
  tokens.insert(tokens.end(), stretch.begin(), stretch.end());
  return tokens;
}

int64_t MarkedDocuments::text_tokens(int64_t length) const {
  const int64_t tokens = length - ssize(marks_.before);
  if (tokens < 1) {
    fail(ErrorKind::kConfig, "length {} is too short: {} tokens stand at the start of every window", length,
         marks_.before.size());
  }
  return tokens;
}

std::string sizes_of(const MarkedDocuments& documents) {
  constexpr size_t kMaxListed = 8;
  std::string sizes;
  for (size_t i = 0; i < std::min(documents.count(), kMaxListed); ++i) {
    sizes += fmt::format("{}{}: {}", i == 0 ? "" : ", ", documents.documents().name(i), documents.size(i));
  }
  if (documents.count() > kMaxListed) sizes += fmt::format(" and {} more", documents.count() - kMaxListed);
  return sizes;
}

void require_document_of(const MarkedDocuments& documents, int64_t length, const std::string& purpose) {
  for (size_t i = 0; i < documents.count(); ++i) {
    if (documents.size(i) >= length) return;
  }
  fail(ErrorKind::kBadData, "{}: no document has {} tokens ({}); give a longer text or a shorter length",
       purpose, length, sizes_of(documents));
}

std::string used_documents(const MarkedDocuments& documents, int64_t length) {
  int64_t used = 0, tokens = 0;
  for (size_t d = 0; d < documents.count(); ++d) {
    if (documents.size(d) < length) continue;
    ++used;
    tokens += documents.size(d);
  }
  const int64_t left_out = static_cast<int64_t>(documents.count()) - used;
  std::string text = fmt::format("used {} document{}, {} tokens", used, used == 1 ? "" : "s",
                                 format_count(static_cast<double>(tokens)));
  if (left_out == 0) return text;
  return text + fmt::format("; {} shorter than {} {} left out", left_out, format_length(length),
                            left_out == 1 ? "was" : "were");
}

int64_t disjoint_windows(const MarkedDocuments& documents, int64_t length) {
  const int64_t stride = documents.text_tokens(length);
  int64_t windows = 0;
  for (size_t d = 0; d < documents.count(); ++d) windows += std::ssize(documents.text(d)) / stride;
  return windows;
}

std::vector<std::vector<int32_t>> whole_document_windows(const MarkedDocuments& documents, int64_t length,
                                                         int64_t limit) {
  ROPEWAY_CHECK(length > 0, "length {}", length);
  const int64_t stride = documents.text_tokens(length);
  std::vector<std::vector<int32_t>> windows;
  bool found = true;
  for (int64_t begin = 0; found; begin += stride) {
    found = false;
    for (size_t i = 0; i < documents.count(); ++i) {
      if (std::ssize(windows) >= limit) return windows;
      if (std::ssize(documents.text(i)) - begin < stride) continue;
      windows.push_back(documents.window(i, begin, length));
      found = true;
    }
  }
  return windows;
}

}  // namespace ropeway
