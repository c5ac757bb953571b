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

MarkedDocuments::Parts MarkedDocuments::parts_of(size_t document) const {
  const std::span<const int32_t> tokens = documents_.tokens(document);
  if (documents_.form(document) == DocumentForm::kWholeExample) return {{}, tokens, {}};
  Parts parts{marks_.before, tokens, marks_.after};
  const auto &before = marks_.before, &after = marks_.after;
  if (tokens.size() > before.size() && std::equal(before.begin(), before.end(), tokens.begin())) {
    parts.cut = ssize(before);
    parts.text = parts.text.subspan(before.size());
  }
  if (parts.text.size() > after.size() &&
      std::equal(after.begin(), after.end(), parts.text.end() - std::ssize(after))) {
    parts.text = parts.text.first(parts.text.size() - after.size());
  }
  return parts;
}

std::span<const int32_t> MarkedDocuments::text(size_t document) const { return parts_of(document).text; }

int64_t MarkedDocuments::size(size_t document) const {
  const Parts parts = parts_of(document);
  return std::ssize(parts.before) + std::ssize(parts.text) + std::ssize(parts.after);
}

bool MarkedDocuments::is_example(size_t document) const {
  return documents_.form(document) != DocumentForm::kText;
}

std::vector<float> MarkedDocuments::scored(size_t document) const {
  const Parts parts = parts_of(document);
  const int64_t shift = std::ssize(parts.before) - parts.cut;
  const int64_t text_end = std::ssize(parts.before) + std::ssize(parts.text);
  std::vector<float> scored(static_cast<size_t>(size(document)), is_example(document) ? 0.0f : 1.0f);
  for (const ScoredRun& run : documents_.scored(document)) {
    const int64_t begin = std::max<int64_t>(run.begin + shift, 0), end = std::min(run.end + shift, text_end);
    if (begin < end) std::fill(scored.begin() + begin, scored.begin() + end, 1.0f);
    if (run.end == std::ssize(documents_.tokens(document))) {
      std::fill(scored.begin() + text_end, scored.end(), 1.0f);
    }
  }
  if (!scored.empty()) scored.front() = 0;
  return scored;
}

double MarkedDocuments::weight(size_t document) const {
  return weights_.empty() ? 1 : weights_.at(documents_.sources()[documents_.source(document)].pattern);
}

void MarkedDocuments::copy(size_t document, int64_t begin, std::span<int32_t> to) const {
  const Parts parts = parts_of(document);
  const int64_t text_begin = std::ssize(parts.before), text_end = text_begin + std::ssize(parts.text);
  ROPEWAY_CHECK(begin >= 0 && begin + std::ssize(to) <= text_end + std::ssize(parts.after),
                "tokens [{}, {}) of a document of {}", begin, begin + std::ssize(to),
                text_end + std::ssize(parts.after));
  copy_part(parts.before, 0, begin, to);
  copy_part(parts.text, text_begin, begin, to);
  copy_part(parts.after, text_end, begin, to);
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
    if (documents.size(i) >= length && !documents.is_example(i)) return;
  }
  fail(ErrorKind::kBadData, "{}: no document has {} tokens ({}); give a longer text or a shorter length",
       purpose, length, sizes_of(documents));
}

void require_texts(const Documents& documents, const std::string& purpose) {
  for (const SourceFacts& source : documents.sources()) {
    if (source.records == RecordKind::kText) continue;
    fail(ErrorKind::kBadData,
         "{}: {}: examples that are scored in part, for training and for loss in evaluations; "
         "{} takes whole texts",
         source.name, source.kind, purpose);
  }
}

bool holds_examples(const Documents& documents) {
  const SourceFacts* text = nullptr;
  const SourceFacts* examples = nullptr;
  for (const SourceFacts& source : documents.sources()) {
    (source.records == RecordKind::kText ? text : examples) = &source;
  }
  if (text != nullptr && examples != nullptr) {
    fail(ErrorKind::kBadData,
         "{}: {}, beside the texts of {}: the loss of texts and that of examples are not one mean; "
         "evaluate them apart",
         examples->name, examples->kind, text->name);
  }
  return examples != nullptr;
}

void require_scored(const MarkedDocuments& documents, int64_t length, const std::string& purpose) {
  if (!holds_examples(documents.documents())) {
    require_document_of(documents, length, purpose);
    return;
  }
  for (size_t d = 0; d < documents.count(); ++d) {
    if (documents.size(d) <= length) return;
  }
  fail(ErrorKind::kBadData,
       "{}: none of the {} examples fits into {} tokens ({}); an example is never cut: "
       "give shorter ones or a longer length",
       purpose, documents.count(), length, sizes_of(documents));
}

std::string used_documents(const MarkedDocuments& documents, int64_t length) {
  int64_t used = 0, left_out = 0, tokens = 0;
  for (size_t d = 0; d < documents.count(); ++d) {
    if (documents.is_example(d)) continue;
    if (documents.size(d) < length) {
      ++left_out;
      continue;
    }
    ++used;
    tokens += documents.size(d);
  }
  std::string text = fmt::format("used {} document{}, {} tokens", used, used == 1 ? "" : "s",
                                 format_count(static_cast<double>(tokens)));
  if (left_out == 0) return text;
  return text + fmt::format("; {} shorter than {} {} left out", left_out, format_length(length),
                            left_out == 1 ? "was" : "were");
}

std::string used_examples(const MarkedDocuments& documents, int64_t length) {
  int64_t used = 0, too_long = 0, tokens = 0, scored = 0;
  for (size_t d = 0; d < documents.count(); ++d) {
    if (documents.size(d) > length) {
      ++too_long;
      continue;
    }
    ++used;
    tokens += documents.size(d);
    for (const float weight : documents.scored(d)) scored += weight > 0 ? 1 : 0;
  }
  const std::string text =
      fmt::format("used {} example{}, {} tokens, {} of them scored", used, used == 1 ? "" : "s",
                  format_count(static_cast<double>(tokens)), format_count(static_cast<double>(scored)));
  if (too_long == 0) return text;
  return text + fmt::format("; {} longer than {} {} left out", too_long, format_length(length),
                            too_long == 1 ? "was" : "were");
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
