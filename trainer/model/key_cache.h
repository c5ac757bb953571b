// Keys and values of one sequence that grows, spread over the ranks that share it. A rank holds the tokens that
// it held when the sequence was read, and of those that follow the positions p with p mod P = rank.
//
// Keys are kept as attention takes them, rotated under the factors in force. A cache that may go over to other
// factors without a new pass also keeps the keys of layers with factors as they were before RoPE; that is half
// as much memory again.
//
// A layer with a sliding window keeps its last window of tokens and an eighth to a quarter more: what lies before
// is seen by no token to come. A sequence can then be cut by an eighth of the window, and no further.
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
  // [n], ascending: of the tokens whose keys this rank holds in a layer.
  const std::vector<int64_t>& positions(int64_t layer) const { return rows_in(layer).positions; }
  bool keeps_unrotated(int64_t layer) const { return keeps_unrotated_ && config_.takes_factors(layer); }
  int64_t bytes() const;  // that this rank holds

  // Memory for a sequence of so many tokens, of which any number may be read at first: growth up to it copies
  // nothing.
  void reserve(int64_t length);
  // Whether every layer still has what a sequence cut to this length goes on from; the same on every rank.
  bool reaches_back_to(int64_t length) const;
  // Forgets the tokens from this length on, which the cache must reach back to.
  void truncate(int64_t length);

  // Empty, and with a sequence of `length` tokens to come, of which this rank has the first rows of `positions`,
  // ascending; positions from the length on are padding. Then, layer by layer, rows_of() takes a row for each,
  // and keep_rows() keeps what is to be kept of them.
  void begin(const std::vector<int64_t>& positions, int64_t length);
  KeyRows rows_of(int64_t layer, int64_t rows);  // [rows, K, D]
  void keep_rows(int64_t layer);
  void end_reading();

  // The sequence goes on with `count` tokens.
  void extend(int64_t count);
  // The rows of those tokens that are this rank's; rows: of all of them.
  void store_last(int64_t layer, const KeyRows& rows, int64_t count);
  // [K, n, D]
  at::Tensor keys(int64_t layer) const;
  at::Tensor values(int64_t layer) const;
  at::Tensor unrotated(int64_t layer) const;
  // What of a layer's rows each of the last `count` tokens sees, itself included.
  std::vector<ops::SeenRows> seen_by_last(int64_t layer, int64_t count) const;

 private:
  struct Layer {
    at::Tensor keys, values, unrotated;  // [K, capacity, D]
  };
  // The rows of all layers of one kind.
  struct Rows {
    std::vector<int64_t> positions;
    int64_t capacity = 0;
    int64_t begin = 0;  // position of the first token that is kept
    int64_t count() const { return static_cast<int64_t>(positions.size()); }
  };
  static bool slides(const ModelConfig& config, int64_t layer) { return config.window_of_layer(layer) > 0; }
  const Rows& rows_in(int64_t layer) const { return slides(config_, layer) ? sliding_ : full_; }
  std::vector<Layer*> layers_of(const Rows& rows);
  void ensure_rows(Rows& rows, int64_t wanted);
  void drop_before(int64_t position);  // of sliding layers
  static KeyRows first_rows(const Layer& layer, int64_t rows);

  const ModelConfig config_;
  const at::TensorOptions options_;
  Communicator& group_;
  const int64_t chunk_multiple_;
  const bool keeps_unrotated_;
  int64_t length_ = 0;
  Rows full_, sliding_;
  std::vector<Layer> layers_;
  Layer reading_;        // a sliding layer while a sequence is read, with a row for each token of this rank
  int64_t skipped_ = 0;  // of those rows, the ones in front that are not kept
};

}  // namespace ropeway
