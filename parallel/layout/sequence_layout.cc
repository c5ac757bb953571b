#include "parallel/layout/sequence_layout.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <numeric>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

void check_jumps(const SequenceSpec& sequence) {
  ROPEWAY_CHECK(sequence.jumps.empty() || sequence.documents.size() == 1, "jumps in one of {} documents",
                sequence.documents.size());
  PositionJump last;
  for (const PositionJump& jump : sequence.jumps) {
    ROPEWAY_CHECK(jump.at > last.at && jump.by >= last.by, "a jump by {} at {} behind one by {} at {}",
                  jump.by, jump.at, last.by, last.at);
    last = jump;
  }
}

void check(const SequenceSpec& sequence) {
  const std::vector<int64_t>& starts = sequence.documents;
  ROPEWAY_CHECK(sequence.length > 0 && sequence.window >= 0, "a sequence of {} tokens with a window of {}",
                sequence.length, sequence.window);
  ROPEWAY_CHECK(sequence.factor_set >= 0, "a sequence of factor set {}", sequence.factor_set);
  const bool ascend =
      std::adjacent_find(starts.begin(), starts.end(), std::greater_equal<>()) == starts.end();
  ROPEWAY_CHECK(!starts.empty() && starts.front() == 0 && ascend && starts.back() < sequence.length,
                "documents must start at 0 and ascend within the {} tokens of their sequence",
                sequence.length);
  check_jumps(sequence);
}

std::vector<int64_t> rotary_positions(const std::vector<int64_t>& positions, const SequenceSpec& sequence) {
  const std::vector<int64_t>& documents = sequence.documents;
  std::vector<int64_t> counted(positions.size());
  std::transform(positions.begin(), positions.end(), counted.begin(), [&](int64_t position) {
    const auto jump = std::ranges::upper_bound(sequence.jumps, position, {}, &PositionJump::at);
    return position - *(std::upper_bound(documents.begin(), documents.end(), position) - 1) +
           (jump == sequence.jumps.begin() ? 0 : std::prev(jump)->by);
  });
  return counted;
}

// Of `count` rows from `first_row` on, of those that the runs fill.
std::vector<int64_t> positions_in(const std::vector<PositionRun>& runs, int64_t first_row, int64_t count) {
  std::vector<int64_t> positions;
  positions.reserve(static_cast<size_t>(count));
  for (const PositionRun& run : runs) {
    const int64_t begin = std::max(run.row, first_row),
                  end = std::min(run.row + run.count, first_row + count);
    for (int64_t row = begin; row < end; ++row) positions.push_back(run.position + (row - run.row));
  }
  return positions;
}

}  // namespace

SequenceLayout::SequenceLayout(const SequenceSplit& split, std::vector<SequenceSpec> sequences)
    : split_(split), sequences_(std::move(sequences)) {
  ROPEWAY_CHECK(split_.heads >= 1 && split_.ranks % split_.heads == 0, "{} ranks with heads over {}",
                split_.ranks, split_.heads);
  for (const SequenceSpec& sequence : sequences_) check(sequence);
  if (sequences_.empty()) return;
  local_length_ = split_.padded_length(longest()) / split_.ranks;
  if (split_.heads > 1) over_ring_ = std::make_shared<SequenceLayout>(split_.over_ring(), sequences_);
  list_borders();
  list_rotary_positions();
  if (over_ring_) return;
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

const SequenceLayout::Borders& SequenceLayout::borders_of(int64_t b) const {
  ROPEWAY_CHECK(b >= 0 && b < num_sequences(), "sequence {} of {}", b, num_sequences());
  return borders_[borders_index_[static_cast<size_t>(b)]];
}

const std::vector<int64_t>& SequenceLayout::positions(int64_t b) const { return borders_of(b).positions; }

std::vector<int64_t> SequenceLayout::positions_of(int rank, int64_t b) const {
  return positions_in(borders_of(b).runs.at(static_cast<size_t>(rank / split_.heads)),
                      rank % split_.heads * local_length_, local_length_);
}

int64_t SequenceLayout::window_of(int64_t b) const {
  const int64_t window = sequence(b).window;
  return window < local_length_ * split_.ranks ? window : 0;
}

int64_t SequenceLayout::num_factor_sets() const {
  int64_t sets = 1;
  for (const SequenceSpec& sequence : sequences_) sets = std::max(sets, sequence.factor_set + 1);
  return sets;
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

double SequenceLayout::balance() const {
  const SequenceLayout& ring = over_ring();
  std::vector<double> areas(static_cast<size_t>(ring.split_.ranks), 0);
  for (int64_t b = 0; b < num_sequences(); ++b) {
    const Borders& borders = ring.borders_of(b);
    for (size_t rank = 0; rank < areas.size(); ++rank) {
      areas[rank] +=
          static_cast<double>(causal_area(borders.runs[rank], borders.documents, ring.window_of(b)));
    }
  }
  if (areas.empty() || num_sequences() == 0) return 1;
  const double sum = std::accumulate(areas.begin(), areas.end(), 0.0);
  return *std::ranges::max_element(areas) * static_cast<double>(areas.size()) / sum;
}

int SequenceLayout::count_ring_steps() const {
  int steps = 1;
  for (int64_t b = 0; b < num_sequences() && steps < split_.ranks; ++b) {
    const bool seen_before =
        b > 0 && borders_index_[static_cast<size_t>(b)] == borders_index_[static_cast<size_t>(b - 1)] &&
        window_of(b) == window_of(b - 1);
    if (!seen_before) steps = std::max(steps, most_steps(borders_of(b), window_of(b)));
  }
  return steps;
}

// Two ranks see each other when the nearest of their tokens in a document do.
int SequenceLayout::most_steps(const Borders& borders, int64_t window) const {
  std::vector<std::vector<DocumentPiece>> pieces;
  for (const std::vector<PositionRun>& runs : borders.runs) {
    pieces.push_back(cut_at_borders(runs, borders.documents));
  }
  const auto see = [&](const std::vector<DocumentPiece>& queries, const std::vector<DocumentPiece>& keys) {
    for (const DocumentPiece& q : queries) {
      for (const DocumentPiece& k : pieces_of(keys, q.document)) {
        const int64_t nearest = q.run.position - (k.run.position + k.run.count - 1);
        if (k.run.position <= q.run.position && (window == 0 || nearest < window)) return true;
      }
    }
    return false;
  };
  const auto ranks = static_cast<size_t>(split_.ranks);
  for (size_t steps = ranks; steps > 1; --steps) {
    for (size_t rank = 0; rank < ranks; ++rank) {
      if (see(pieces[rank], pieces[(rank - steps + 1 + ranks) % ranks])) return static_cast<int>(steps);
    }
  }
  return 1;
}

void SequenceLayout::list_borders() {
  const int64_t padded = local_length_ * split_.ranks;
  const SequenceSplit ring = split_.over_ring();
  for (const SequenceSpec& sequence : sequences_) {
    const auto same = std::ranges::find(borders_, sequence.documents, &Borders::documents);
    borders_index_.push_back(static_cast<size_t>(same - borders_.begin()));
    if (same != borders_.end()) continue;
    Borders borders{.documents = sequence.documents, .runs = {}, .positions = {}};
    if (split_.placement == Placement::kBalanced) {
      borders.runs = balanced_runs(padded, sequence.documents, ring.ranks);
    } else {
      for (int rank = 0; rank < ring.ranks; ++rank) {
        borders.runs.push_back(local_runs(padded, ring.ranks, rank, split_.placement));
      }
    }
    borders.positions = positions_in(borders.runs[static_cast<size_t>(ring.rank)],
                                     split_.rank % split_.heads * local_length_, local_length_);
    borders_.push_back(std::move(borders));
  }
}

void SequenceLayout::list_rotary_positions() {
  std::vector<const SequenceSpec*> first;  // of each list
  for (int64_t b = 0; b < num_sequences(); ++b) {
    const SequenceSpec& spec = sequence(b);
    const auto same = std::ranges::find_if(first, [&](const SequenceSpec* other) {
      return other->documents == spec.documents && other->jumps == spec.jumps &&
             other->factor_set == spec.factor_set;
    });
    rotary_list_of_.push_back(static_cast<size_t>(same - first.begin()));
    if (same != first.end()) continue;
    first.push_back(&spec);
    rotary_lists_.push_back({rotary_positions(positions(b), spec), spec.factor_set});
  }
}

void SequenceLayout::list_works() {
  works_.resize(static_cast<size_t>(split_.ranks));
  for (int64_t b = 0; b < num_sequences();) {
    const SequenceSpec& spec = sequence(b);
    const auto alike = [&](const SequenceSpec& other) {
      return other.documents == spec.documents && other.window == spec.window;
    };
    int64_t end = b + 1;
    while (end < num_sequences() && alike(sequence(end))) ++end;
    const RankRuns& runs = borders_of(b).runs;
    for (size_t source = 0; source < works_.size(); ++source) {
      const bool own = static_cast<int>(source) == split_.rank;
      for (BlockWork& work : block_works(runs[static_cast<size_t>(split_.rank)], runs[source], own,
                                         spec.documents, window_of(b))) {
        work.first_sequence = b;
        work.num_sequences = end - b;
        works_[source].push_back(work);
      }
    }
    b = end;
  }
}

}  // namespace ropeway
