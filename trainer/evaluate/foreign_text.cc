#include "trainer/evaluate/foreign_text.h"

#include <algorithm>
#include <span>

#include "kernels/base/error.h"
#include "trainer/data/documents.h"
#include "trainer/data/marked_documents.h"

namespace ropeway {
namespace {

using Parts = std::vector<std::span<const int32_t>>;

int64_t size_of(const Parts& parts) {
  int64_t size = 0;
  for (const auto& part : parts) size += std::ssize(part);
  return size;
}

// `count` tokens from `begin` on, from the first again behind the last.
std::vector<int32_t> taken_from(const Parts& parts, int64_t begin, int64_t count) {
  std::vector<int32_t> tokens;
  int64_t skip = begin % size_of(parts);
  while (std::ssize(tokens) < count) {
    for (const auto& part : parts) {
      const int64_t from = std::min(skip, std::ssize(part));
      const int64_t many = std::min(std::ssize(part) - from, count - std::ssize(tokens));
      const auto piece = part.subspan(static_cast<size_t>(from), static_cast<size_t>(many));
      tokens.insert(tokens.end(), piece.begin(), piece.end());
      skip -= from;
    }
  }
  return tokens;
}

}  // namespace

std::vector<int32_t> foreign_text(const MarkedDocuments& documents, const ScoredWindow& window,
                                  int64_t length, int64_t count, int64_t index) {
  Parts others;
  for (size_t d = 0; d < documents.count(); ++d) {
    if (d != window.document) others.push_back(documents.text(d));
  }
  if (size_of(others) >= count) return taken_from(others, count * index, count);
  const auto own = documents.text(window.document);
  const int64_t end = window.begin + documents.text_tokens(length);
  const Parts around = {own.subspan(static_cast<size_t>(end)), own.first(static_cast<size_t>(window.begin))};
  if (size_of(around) >= count) return taken_from(around, 0, count);
  fail(ErrorKind::kBadData,
       "no foreign context of {} tokens: beside a window of {} the other documents have {}, and {} has {} "
       "more",
       count, length, size_of(others), documents.documents().name(window.document), size_of(around));
}

}  // namespace ropeway
