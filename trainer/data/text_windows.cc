#include "trainer/data/text_windows.h"

#include <algorithm>

#include "kernels/base/random.h"
#include "trainer/data/documents.h"

namespace ropeway {

TextWindows::TextWindows(const Documents& documents, int64_t length, const std::string& purpose)
    : documents_(documents), length_(length) {
  require_document_of(documents, length, purpose);
  int64_t starts = 0;
  for (size_t i = 0; i < documents.count(); ++i) {
    const int64_t tokens = static_cast<int64_t>(documents.tokens(i).size());
    starts += std::max<int64_t>(0, tokens - length + 1);
    cumulative_starts_.push_back(starts);
  }
}

std::span<const int32_t> TextWindows::draw(uint64_t seed, Stream stream, uint64_t index) const {
  Philox random(seed, stream, index);
  const auto start = static_cast<int64_t>(random.below(static_cast<uint64_t>(cumulative_starts_.back())));
  const auto found = std::upper_bound(cumulative_starts_.begin(), cumulative_starts_.end(), start);
  const size_t document = static_cast<size_t>(found - cumulative_starts_.begin());
  const int64_t offset = start - (document == 0 ? 0 : cumulative_starts_[document - 1]);
  return documents_.tokens(document).subspan(static_cast<size_t>(offset), static_cast<size_t>(length_));
}

}  // namespace ropeway
