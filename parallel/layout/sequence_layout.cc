#include "parallel/layout/sequence_layout.h"

#include <algorithm>
#include <functional>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

void check(const SequenceSpec& sequence) {
  const std::vector<int64_t>& starts = sequence.documents;
  ROPEWAY_CHECK(sequence.length > 0 && sequence.window >= 0, "a sequence of {} tokens with a window of {}",
                sequence.length, sequence.window);
  const bool ascend =
      std::adjacent_find(starts.begin(), starts.end(), std::greater_equal<>()) == starts.end();
  ROPEWAY_CHECK(!starts.empty() && starts.front() == 0 && ascend && starts.back() < sequence.length,
                "documents must start at 0 and ascend within the {} tokens of their sequence",
                sequence.length);
}

std::vector<int64_t> counted_from_documents(const std::vector<int64_t>& positions,
                                            const std::vector<int64_t>& documents) {
  std::vector<int64_t> counted(positions.size());
  std::transform(positions.begin(), positions.end(), counted.begin(), [&](int64_t position) {
    return position - *(std::upper_bound(documents.begin(), documents.end(), position) - 1);
  });
  return counted;
}

}  // namespace

SequenceLayout::SequenceLayout(const SequenceSplit& split, std::vector<SequenceSpec> sequences)
    : split_(split), sequences_(std::move(sequences)) {
  for (const SequenceSpec& sequence : sequences_) check(sequence);
  if (sequences_.empty()) return;
  positions_ = local_positions(split_.padded_length(longest()), split_.ranks, split_.rank, split_.placement);
  local_length_ = static_cast<int64_t>(positions_.size());
  list_rotary_positions();
  list_works();
  ring_steps_ = count_ring_steps();
}

SequenceLayout::SequenceLayout(const SequenceSplit& split, int64_t count, int64_t length)
    : SequenceLayout(split, std::vector<SequenceSpec>(static_cast<size_t>(count), {.length = length})) {}

int64_t SequenceLayout::longest() const {
  int64_t length = 0;
  for (const SequenceSpec& sequence : sequences_) length = std::max(length, sequence.length);
  return length;
}

const std::vector<int64_t>& SequenceLayout::positions(int64_t b) const {
  ROPEWAY_CHECK(b >= 0 && b < num_sequences(), "sequence {} of {}", b, num_sequences());
  return positions_;
}

std::vector<int64_t> SequenceLayout::positions_of(int rank, int64_t b) const {
  ROPEWAY_CHECK(b >= 0 && b < num_sequences(), "sequence {} of {}", b, num_sequences());
  return local_positions(local_length_ * split_.ranks, split_.ranks, rank, split_.placement);
}

int64_t SequenceLayout::window_of(int64_t b) const {
  const int64_t window = sequence(b).window;
  return window < local_length_ * split_.ranks ? window : 0;
}

bool SequenceLayout::has_window() const {
  for (int64_t b = 0; b < num_sequences(); ++b) {
    if (window_of(b) > 0) return true;
  }
  return false;
}

SequenceLayout SequenceLayout::with_window(int64_t window) const {
  std::vector<SequenceSpec> sequences = sequences_;
  for (SequenceSpec& sequence : sequences) sequence.window = window;
  return SequenceLayout(split_, std::move(sequences));
}

// Without windows the last rank sees all others. With them, two chunks see each other when the nearest tokens
// of theirs do, whatever the documents.
int SequenceLayout::count_ring_steps() const {
  if (!has_window()) return split_.ranks;
  int64_t window = 0;
  for (int64_t b = 0; b < num_sequences(); ++b) {
    if (window_of(b) == 0) return split_.ranks;
    window = std::max(window, window_of(b));
  }
  const int64_t padded = local_length_ * split_.ranks;
  const auto see = [&](int rank, int source) {
    for (const PositionRun& q : local_runs(padded, split_.ranks, rank, split_.placement)) {
      for (const PositionRun& k : local_runs(padded, split_.ranks, source, split_.placement)) {
        if (k.position <= q.position && q.position - (k.position + k.count - 1) < window) return true;
      }
    }
    return false;
  };
  for (int steps = split_.ranks; steps > 1; --steps) {
    for (int rank = 0; rank < split_.ranks; ++rank) {
      if (see(rank, (rank - steps + 1 + split_.ranks) % split_.ranks)) return steps;
    }
  }
  return 1;
}

void SequenceLayout::list_rotary_positions() {
  std::vector<const std::vector<int64_t>*> borders;  // of each list
  for (const SequenceSpec& sequence : sequences_) {
    const auto same = std::find_if(borders.begin(), borders.end(),
                                   [&](const auto* documents) { return *documents == sequence.documents; });
    rotary_list_of_.push_back(static_cast<size_t>(same - borders.begin()));
    if (same != borders.end()) continue;
    borders.push_back(&sequence.documents);
    rotary_lists_.push_back(counted_from_documents(positions_, sequence.documents));
  }
}

void SequenceLayout::list_works() {
  const int64_t padded = local_length_ * split_.ranks;
  const auto runs_of = [&](int rank) { return local_runs(padded, split_.ranks, rank, split_.placement); };
  const std::vector<PositionRun> queries = runs_of(split_.rank);
  works_.resize(static_cast<size_t>(split_.ranks));
  for (int source = 0; source < split_.ranks; ++source) {
    const std::vector<PositionRun> keys = runs_of(source);
    for (int64_t b = 0; b < num_sequences();) {
      const SequenceSpec& spec = sequence(b);
      const auto alike = [&](const SequenceSpec& other) {
        return other.documents == spec.documents && other.window == spec.window;
      };
      int64_t end = b + 1;
      while (end < num_sequences() && alike(sequence(end))) ++end;
      for (BlockWork& work :
           block_works(queries, keys, source == split_.rank, spec.documents, window_of(b))) {
        work.first_sequence = b;
        work.num_sequences = end - b;
        works_[static_cast<size_t>(source)].push_back(work);
      }
      b = end;
    }
  }
}

}  // namespace ropeway
