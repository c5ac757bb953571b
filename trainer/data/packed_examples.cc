#include "trainer/data/packed_examples.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "trainer/data/document_stream.h"
#include "trainer/data/marked_documents.h"

namespace ropeway {
namespace {

// The draws of DocumentStream are block 0 of the same stream.
constexpr uint32_t kExampleBlock = 1, kWindowBlock = 2;

// Room in windows that are taken in turn: a tree whose nodes know the largest room below them.
class Room {
 public:
  Room(size_t windows, int64_t length)
      : leaves_(std::bit_ceil(std::max<size_t>(windows, 1))), most_(2 * leaves_, length) {}

  // Takes `size` from the first window that has it.
  size_t take(int64_t size) {
    size_t node = 1;
    while (node < leaves_) node = 2 * node + (most_[2 * node] >= size ? 0 : 1);
    const size_t window = node - leaves_;
    most_[node] -= size;
    while (node /= 2) most_[node] = std::max(most_[2 * node], most_[2 * node + 1]);
    return window;
  }

 private:
  const size_t leaves_;
  std::vector<int64_t> most_;
};

}  // namespace

PackedExamples::PackedExamples(const MarkedDocuments& documents, const Sizes& sizes, bool joins,
                               uint64_t seed)
    : documents_(documents), length_(sizes.window), joins_(joins), seed_(seed) {
  for (size_t d = 0; d < documents.count(); ++d) {
    if (!documents.is_example(d)) continue;
    if (documents.size(d) > sizes.longest) {
      ++too_long_;
      continue;
    }
    examples_.push_back(static_cast<uint32_t>(d));
    tokens_ += documents.size(d);
    for (const float scored : documents.scored(d)) scored_tokens_ += scored > 0 ? 1 : 0;
  }
}

std::shared_ptr<const PackedExamples::Pass> PackedExamples::make_pass(int64_t number, int64_t begin) const {
  std::vector<uint32_t> order;
  for (const uint32_t d : examples_) {
    order.insert(order.end(), static_cast<size_t>(copies_in_pass(documents_, seed_, number, d)), d);
  }
  Philox random(seed_, Stream::kPassOrder, static_cast<uint64_t>(number), kExampleBlock);
  shuffle(order, random);
  auto pass = std::make_shared<Pass>();
  pass->number = number;
  pass->begin = begin;
  Room room(order.size(), length_);
  for (const uint32_t d : order) {
    const size_t window = joins_ ? room.take(documents_.size(d)) : pass->windows.size();
    if (window >= pass->windows.size()) pass->windows.resize(window + 1);
    pass->windows[window].push_back(d);
  }
  Philox windows(seed_, Stream::kPassOrder, static_cast<uint64_t>(number), kWindowBlock);
  shuffle(pass->windows, windows);
  return pass;
}

std::shared_ptr<const PackedExamples::Pass> PackedExamples::pass_of(int64_t index) const {
  const std::lock_guard lock(mutex_);
  for (const auto& pass : recent_) {
    if (index >= pass->begin && index < pass->begin + std::ssize(pass->windows)) return pass;
  }
  std::shared_ptr<const Pass> pass;
  const auto known = std::upper_bound(begins_.begin(), begins_.end(), index) - begins_.begin() - 1;
  for (int64_t number = known;; ++number) {
    pass = make_pass(number, begins_[static_cast<size_t>(number)]);
    const int64_t end = pass->begin + std::ssize(pass->windows);
    if (number + 1 == std::ssize(begins_)) begins_.push_back(end);
    if (index < end) break;
  }
  if (recent_.size() == 2) recent_.erase(recent_.begin());
  recent_.push_back(pass);
  return pass;
}

std::vector<uint32_t> PackedExamples::window(int64_t index) const {
  ROPEWAY_CHECK(!examples_.empty(), "a window of no examples");
  const std::shared_ptr<const Pass> pass = pass_of(index);
  return pass->windows[static_cast<size_t>(index - pass->begin)];
}

int64_t PackedExamples::pass_windows(int64_t pass) const { return std::ssize(make_pass(pass, 0)->windows); }

double PackedExamples::mean_windows() const {
  const std::shared_ptr<const Pass> first = make_pass(0, 0);
  double tokens = 0, tokens_in_first = 0;
  for (const uint32_t d : examples_) tokens += documents_.weight(d) * static_cast<double>(documents_.size(d));
  for (const auto& window : first->windows) {
    for (const uint32_t d : window) tokens_in_first += static_cast<double>(documents_.size(d));
  }
  const double full = tokens / static_cast<double>(length_);
  return tokens_in_first > 0 ? static_cast<double>(first->windows.size()) * tokens / tokens_in_first : full;
}

}  // namespace ropeway
