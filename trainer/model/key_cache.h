// Keys and values of one sequence that grows, spread over the ranks that share it. A rank holds the tokens that
// it held when the sequence was read, and of those that follow the positions p with p mod P = rank.
//
// Keys are kept as attention takes them, rotated under the factors in force. A cache that may go over to other
// factors without a new pass also keeps the keys of layers with factors as they were before RoPE; that is half
// as much memory again.
//
// K key/value heads, D head_dim, n tokens of this rank.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "kernels/ops/cached_attention.h"
#include "trainer/family/model_config.h"
#include "trainer/model/block.h"

namespace ropeway {

class Communicator;

class KeyCache {
 public:
  // options: of the activations. group: the ranks that share the sequence; must outlive the cache.
  // chunk_multiple: of the chunks in which they read it (SequenceSplit).
  KeyCache(const ModelConfig& config, at::TensorOptions options, Communicator& group, int64_t chunk_multiple,
           bool keeps_unrotated);

  Communicator& group() const { return group_; }
  int64_t length() const { return length_; }  // tokens of the sequence, of all ranks
  const std::vector<int64_t>& positions() const { return positions_; }  // [n], ascending
  bool keeps_unrotated(int64_t layer) const { return keeps_unrotated_ && config_.takes_factors(layer); }
  int64_t bytes() const;  // that this rank holds

  // What a rank of so many holds of a sequence of this length, in elements of element_bytes.
  static int64_t bytes_for(const ModelConfig& config, int64_t length, int ranks, int64_t element_bytes,
                           bool keeps_unrotated);

  // Memory for a sequence of so many tokens, of which any number may be read at first: growth up to it copies
  // nothing.
  void reserve(int64_t length);
  // Forgets the tokens from this length on.
  void truncate(int64_t length);

  // An empty cache gets a sequence of `length` tokens, of which this rank has the first rows of `positions`,
  // ascending; positions from the length on are padding. Then rows_of() takes a row for each.
  void begin(const std::vector<int64_t>& positions, int64_t length);
  // [rows, K, D]
  KeyRows rows_of(int64_t layer, int64_t rows) const;

  // The sequence goes on with `count` tokens.
  void extend(int64_t count);
  // The rows of those tokens that are this rank's; rows: of all of them.
  void store_last(int64_t layer, const KeyRows& rows, int64_t count);
  // [K, n, D]
  at::Tensor keys(int64_t layer) const;
  at::Tensor values(int64_t layer) const;
  at::Tensor unrotated(int64_t layer) const;
  // What of these rows each of the last `count` tokens sees, itself included; window 0: all before it.
  std::vector<ops::SeenRows> seen_by_last(int64_t count, int64_t window) const;

 private:
  struct Layer {
    at::Tensor keys, values, unrotated;  // [K, capacity, D]
  };
  int64_t rows() const { return static_cast<int64_t>(positions_.size()); }
  void ensure_rows(int64_t rows);

  const ModelConfig config_;
  const at::TensorOptions options_;
  Communicator& group_;
  const int64_t chunk_multiple_;
  const bool keeps_unrotated_;
  int64_t length_ = 0, capacity_ = 0;
  std::vector<int64_t> positions_;
  std::vector<Layer> layers_;
};

}  // namespace ropeway
