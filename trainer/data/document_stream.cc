#include "trainer/data/document_stream.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "kernels/base/error.h"
#include "trainer/data/marked_documents.h"

namespace ropeway {
namespace {

// The place of `value` in a random order of [0, count), without a table: a Feistel network over the next even
// number of bits, applied again until the result is inside (Black and Rogaway, "Ciphers with arbitrary finite
// domains", 2002).
uint64_t shuffled(uint64_t value, uint64_t count, uint64_t key) {
  const int half = std::max(1, (static_cast<int>(std::bit_width(count - 1)) + 1) / 2);
  const uint64_t mask = (uint64_t{1} << half) - 1;
  do {
    uint64_t left = value >> half, right = value & mask;
    for (uint32_t round = 0; round < 6; ++round) {
      left ^= Philox(key, Stream::kWindow, right, round).next_u64() & mask;
      std::swap(left, right);
    }
    value = left << half | right;
  } while (value >= count);
  return value;
}

}  // namespace

DocumentStream::DocumentStream(const MarkedDocuments& documents, uint64_t seed)
    : documents_(documents), seed_(seed) {
  ROPEWAY_CHECK(documents.count() <= std::numeric_limits<uint32_t>::max(), "{} documents", documents.count());
  for (size_t d = 0; d < documents.count(); ++d) {
    if (documents.is_example(d)) continue;
    const double weight = documents.weight(d);
    whole_weights_ = whole_weights_ && weight == std::floor(weight);
    mean_pass_tokens_ += weight * static_cast<double>(documents.size(d));
    documents_used_ += weight > 0 ? 1 : 0;
  }
  if (!(mean_pass_tokens_ > 0))
    fail(ErrorKind::kBadData,
         "there is no training text to join (examples of instruction data are used whole)");
}

// Of a fractional weight w, the whole numbers that [w p + u, w (p + 1) + u) passes over, for a u of the
// document's own: over all passes no copy is lost and none is added.
int64_t copies_in_pass(const MarkedDocuments& documents, uint64_t seed, int64_t pass, size_t document) {
  const double weight = documents.weight(document);
  if (weight == std::floor(weight)) return static_cast<int64_t>(weight);
  const double share = Philox(seed, Stream::kPassShare, document).uniform();
  const auto before = [&](int64_t p) { return std::floor(weight * static_cast<double>(p) + share); };
  return static_cast<int64_t>(before(pass + 1) - before(pass));
}

int64_t DocumentStream::copies(int64_t pass, size_t document) const {
  return documents_.is_example(document) ? 0 : copies_in_pass(documents_, seed_, pass, document);
}

int64_t DocumentStream::pass_tokens(int64_t pass) const {
  int64_t tokens = 0;
  for (size_t d = 0; d < documents_.count(); ++d) tokens += copies(pass, d) * documents_.size(d);
  return tokens;
}

std::shared_ptr<const DocumentStream::Pass> DocumentStream::make_pass(int64_t number, int64_t begin) const {
  auto pass = std::make_shared<Pass>();
  pass->number = number;
  pass->begin = begin;
  for (size_t d = 0; d < documents_.count(); ++d) {
    pass->order.insert(pass->order.end(), static_cast<size_t>(copies(number, d)), static_cast<uint32_t>(d));
  }
  Philox random(seed_, Stream::kPassOrder, static_cast<uint64_t>(number));
  shuffle(pass->order, random);
  int64_t end = 0;
  for (const uint32_t document : pass->order) pass->ends.push_back(end += documents_.size(document));
  return pass;
}

std::shared_ptr<const DocumentStream::Pass> DocumentStream::pass_at(int64_t position) const {
  const std::lock_guard lock(mutex_);
  for (const auto& pass : recent_) {
    if (position >= pass->begin && position < pass->begin + (pass->ends.empty() ? 0 : pass->ends.back())) {
      return pass;
    }
  }
  int64_t number = 0, begin = 0;
  if (whole_weights_) {
    if (begins_.size() == 1) begins_.push_back(pass_tokens(0));
    number = position / begins_[1];
    begin = number * begins_[1];
  } else {
    while (begins_.back() <= position)
      begins_.push_back(begins_.back() + pass_tokens(std::ssize(begins_) - 1));
    number = std::upper_bound(begins_.begin(), begins_.end(), position) - begins_.begin() - 1;
    begin = begins_[static_cast<size_t>(number)];
  }
  if (recent_.size() == 2) recent_.erase(recent_.begin());
  recent_.push_back(make_pass(number, begin));
  return recent_.back();
}

int64_t DocumentStream::window_begin(int64_t index, int64_t length) const {
  const std::shared_ptr<const Pass> pass = pass_at(index * length);
  const int64_t first = (pass->begin + length - 1) / length;
  const int64_t after = (pass->begin + pass->ends.back() + length - 1) / length;
  const uint64_t key = Philox(seed_, Stream::kWindow, static_cast<uint64_t>(pass->number)).next_u64();
  const auto place = static_cast<uint64_t>(index - first), count = static_cast<uint64_t>(after - first);
  return (first + static_cast<int64_t>(shuffled(place, count, key))) * length;
}

DocumentStream::Stretch DocumentStream::stretch(int64_t begin, int64_t length) const {
  Stretch stretch;
  stretch.tokens.resize(static_cast<size_t>(length));
  std::shared_ptr<const Pass> pass;
  for (int64_t filled = 0; filled < length;) {
    const int64_t position = begin + filled;
    if (!pass || position >= pass->begin + pass->ends.back()) pass = pass_at(position);
    const auto entry = std::upper_bound(pass->ends.begin(), pass->ends.end(), position - pass->begin);
    const uint32_t document = pass->order[static_cast<size_t>(entry - pass->ends.begin())];
    const int64_t size = documents_.size(document), at = size - (*entry - (position - pass->begin));
    const int64_t count = std::min(size - at, length - filled);
    documents_.copy(
        document, at,
        std::span(stretch.tokens).subspan(static_cast<size_t>(filled), static_cast<size_t>(count)));
    if (at == 0 || filled == 0) stretch.starts.push_back(filled);
    filled += count;
  }
  return stretch;
}

void require_pass_of(const DocumentStream& stream, const MarkedDocuments& documents, int64_t length,
                     const std::string& purpose) {
  const double tokens = stream.mean_pass_tokens();
  if (tokens >= static_cast<double>(length)) return;
  fail(ErrorKind::kBadData,
       "{}: a pass over the text has {:.0f} tokens in all ({}), wanted the {} tokens of a window or more; "
       "give a longer text or a shorter length",
       purpose, tokens, sizes_of(documents), length);
}

}  // namespace ropeway
