// What a batch is, in integers: which positions of its sequences a rank holds, where documents begin, how far
// attention reaches, and which blocks of attention follow from that. It goes from whoever makes the batch
// down to the attention that computes it. Padding, packed documents and windows are layouts, not modes.
//
// The query at position i of a sequence sees the key at position j when
//   j <= i,   both lie in the same document,   and i - j < window (where there is a window).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "parallel/layout/block_works.h"
#include "parallel/layout/document_balance.h"
#include "parallel/layout/placement.h"

namespace ropeway {

// RoPE counts the positions from `at` on `by` further than they lie.
struct PositionJump {
  int64_t at = 0, by = 0;

  bool operator==(const PositionJump&) const = default;
};

// One sequence of a batch.
struct SequenceSpec {
  int64_t length = 0;                    // tokens, without padding
  std::vector<int64_t> documents = {0};  // the position at which each document starts: 0, then ascending
  int64_t window = 0;                    // keys a query sees, itself included; 0: all of its document
  int64_t factor_set = 0;                // of those that its batch comes with, the one it turns by
  std::vector<PositionJump> jumps = {};  // ascending, of a sequence that is one document

  bool operator==(const SequenceSpec&) const = default;
};

// How sequences are shared by the ranks of a group, and which of the ranks this is. With heads > 1 the ranks
// are a ring of ranks / heads places, `heads` neighbours at each: they divide the rows of their place evenly,
// in order, and exchange them for heads when attention is computed (head_attention.h).
struct SequenceSplit {
  int ranks = 1, rank = 0;
  Placement placement = Placement::kZigzag;
  int64_t chunk_multiple = 1;  // chunks are multiples of so many tokens
  int heads = 1;               // divides ranks

  // Of the ring's places.
  SequenceSplit over_ring() const { return {ranks / heads, rank / heads, placement, chunk_multiple * heads}; }

  int64_t padded_length(int64_t length) const {
    return ropeway::padded_length(length, ranks, placement, chunk_multiple);
  }
};

// How sequences turn: the positions of this rank's rows, counted from the start of each token's document and
// with its jumps, and the factor set.
struct RotaryList {
  std::vector<int64_t> positions;  // [n]
  int64_t factor_set = 0;
};

class SequenceLayout {
 public:
  SequenceLayout() = default;  // of no sequence
  // Every sequence is padded to what the ranks can share and the longest of them needs. Padding belongs to
  // the last document: it comes last, so nothing real sees it.
  SequenceLayout(const SequenceSplit& split, std::vector<SequenceSpec> sequences);
  // `count` sequences of `length` tokens, each one document without a window.
  SequenceLayout(const SequenceSplit& split, int64_t count, int64_t length);

  const SequenceSplit& split() const { return split_; }
  int64_t num_sequences() const { return static_cast<int64_t>(sequences_.size()); }
  const SequenceSpec& sequence(int64_t b) const { return sequences_.at(static_cast<size_t>(b)); }
  int64_t longest() const;                                // tokens of the longest sequence, without padding
  int64_t local_length() const { return local_length_; }  // n: rows of each sequence on a rank

  // [n]: where this rank's rows of sequence b lie in it, ascending. From its length on: padding.
  const std::vector<int64_t>& positions(int64_t b) const;
  // The same for another rank of the group.
  std::vector<int64_t> positions_of(int rank, int64_t b) const;

  // Sequences with the same borders, jumps and factor set share one list.
  const std::vector<RotaryList>& rotary_lists() const { return rotary_lists_; }
  std::size_t rotary_list_of(int64_t b) const { return rotary_list_of_.at(static_cast<size_t>(b)); }

  // How many sets the sequences turn by, the highest number among them + 1. The same on every rank.
  int64_t num_factor_sets() const;

  // Some query of some sequence does not see all of its document before it. The same on every rank.
  bool has_window() const;

  // The same sequences for layers whose queries see `window` keys at most, themselves included.
  SequenceLayout with_window(int64_t window) const;
  // The layout of the ring's places, where split().heads > 1: what follows is theirs.
  const SequenceLayout& over_ring() const { return over_ring_ ? *over_ring_ : *this; }
  // How many ring steps it takes until no rank's queries see anything of the keys that come next, the step
  // on the own keys included. The same on every rank.
  int ring_steps() const { return ring_steps_; }

  // What this rank's queries see of the keys of rank `source`, for all sequences.
  const std::vector<BlockWork>& works(int source) const { return works_.at(static_cast<size_t>(source)); }

  // How uneven the work of attention is: the largest number of visible pairs of a rank by the mean; 1: even.
  double balance() const;

 private:
  // What sequences with the same borders have in common.
  struct Borders {
    std::vector<int64_t> documents;
    RankRuns runs;                   // of the ring's places
    std::vector<int64_t> positions;  // of this rank
  };

  const Borders& borders_of(int64_t b) const;
  int64_t window_of(int64_t b) const;  // 0 also where the window reaches over the whole sequence
  void list_borders();
  void list_rotary_positions();
  void list_works();
  int count_ring_steps() const;
  int most_steps(const Borders& borders, int64_t window) const;

  SequenceSplit split_;
  std::vector<SequenceSpec> sequences_;
  std::shared_ptr<const SequenceLayout> over_ring_;  // null: this is it
  int64_t local_length_ = 0;
  std::vector<Borders> borders_;
  std::vector<std::size_t> borders_index_;  // by sequence
  std::vector<RotaryList> rotary_lists_;
  std::vector<std::size_t> rotary_list_of_;    // by sequence
  std::vector<std::vector<BlockWork>> works_;  // by source
  int ring_steps_ = 1;
};

}  // namespace ropeway
