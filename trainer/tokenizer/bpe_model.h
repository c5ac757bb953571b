// Byte-pair encoding (Sennrich et al. 2016): a piece starts as its characters; of all neighbouring pairs that
// have a merge rule the one with the lowest rank is merged, the leftmost first, until none is left.
//
// A heap over the pairs makes that O(n log n) in the characters of a piece, in linear memory. Long pieces
// (some vocabularies cut nothing beforehand: a whole document is one piece) are first cut where no rule can
// merge: between two characters that no rule joins. That changes no id and lets the word cache serve them
// too.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "trainer/tokenizer/id_map.h"
#include "trainer/tokenizer/word_cache.h"

namespace ropeway {

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
using Vocabulary = std::unordered_map<std::string, int32_t, StringHash, std::equal_to<>>;

struct Merge {
  int32_t left = 0, right = 0, result = 0;  // token ids
};

struct BpeOptions {
  // Characters outside the vocabulary: their bytes as byte tokens, where there are all of them; else the
  // unknown token, one for a run of them with fuse_unknown; else they are dropped.
  bool byte_fallback = false;
  std::optional<int32_t> unknown;
  bool fuse_unknown = false;
  bool ignore_merges =
      false;  // a piece that is a token as a whole is that token, whatever the rules make of it
};

class BpeModel {
 public:
  // merges: by rank; of a pair that occurs twice the later rank counts.
  BpeModel(Vocabulary vocabulary, const std::vector<Merge>& merges, const BpeOptions& options);

  // What encoding a piece leaves for the next one.
  struct Workspace;
  // Appends the ids of a piece (valid UTF-8, not empty).
  void encode(std::string_view piece, Workspace& workspace, std::vector<int32_t>& ids) const;

  const Vocabulary& vocabulary() const { return vocabulary_; }

 private:
  void encode_word(std::string_view word, Workspace& workspace, std::vector<int32_t>& ids) const;
  void merge_word(std::string_view word, Workspace& workspace, std::vector<int32_t>& ids) const;
  void start_with_characters(std::string_view word, Workspace& workspace) const;
  std::optional<int32_t> id_of_character(std::string_view character) const;
  bool may_join(uint32_t left, uint32_t right) const;

  Vocabulary vocabulary_;
  BpeOptions options_;
  std::vector<int32_t> merged_;                // rank -> id of the result
  IdMap ranks_;                                // pair of ids -> rank
  IdMap junctions_;                            // pair of characters that some rule joins -> 0
  std::vector<int32_t> low_characters_;        // ids of the characters below U+0800, -1: none
  std::vector<std::optional<int32_t>> bytes_;  // ids of the byte tokens
};

struct BpeModel::Workspace {
  struct Symbol {
    int32_t id, previous, next;
    uint32_t rank;  // of merging with `next`
  };
  WordCache cache;
  std::vector<Symbol> symbols;
  std::vector<uint64_t> heap;  // rank << 32 | position, the least on top
  int64_t dropped_characters = 0;
};

}  // namespace ropeway
