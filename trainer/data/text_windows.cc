#include "trainer/data/text_windows.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/random.h"
#include "trainer/data/marked_documents.h"

namespace ropeway {

TextWindows::TextWindows(const MarkedDocuments& documents, int64_t length, const std::string& purpose)
    : documents_(documents), length_(length) {
  require_document_of(documents, length, purpose);
  double total = 0;
  for (size_t i = 0; i < documents.count(); ++i) {
    const int64_t tokens = documents.size(i);
    if (tokens >= length && !documents.is_example(i)) {
      total += documents.weight(i) * static_cast<double>(tokens);
      ++num_documents_;
      num_tokens_ += tokens;
    }
    cumulative_.push_back(total);
  }
}

std::vector<int32_t> TextWindows::draw(uint64_t seed, Stream stream, uint64_t index) const {
  Philox random(seed, stream, index);
  const double total = cumulative_.back();
  const double place = std::min(random.uniform() * total, std::nextafter(total, 0));
  const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end(), place);
  const auto document = static_cast<size_t>(found - cumulative_.begin());
  const auto starts = static_cast<uint64_t>(documents_.size(document) - length_ + 1);
  std::vector<int32_t> tokens(static_cast<size_t>(length_));
  documents_.copy(document, static_cast<int64_t>(random.below(starts)), tokens);
  return tokens;
}

}  // namespace ropeway
