// Tiles of consecutive tokens of a flattened batch [B, n], and the pieces of sequences inside a tile: work
// that needs a token's position goes piece by piece, because each sequence has positions of its own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "parallel/layout/sequence_layout.h"

namespace ropeway {

struct BatchShape {
  int64_t sequences = 0;  // B
  int64_t length = 0;     // n, local
  int64_t tokens() const { return sequences * length; }
};
inline BatchShape shape_of(const SequenceLayout& layout) {
  return {layout.num_sequences(), layout.local_length()};
}

struct Tile {
  int64_t begin = 0, count = 0;  // tokens
};
inline std::vector<Tile> tiles_of(BatchShape shape, int64_t tile_tokens) {
  std::vector<Tile> tiles;
  for (int64_t begin = 0; begin < shape.tokens(); begin += tile_tokens) {
    tiles.push_back({begin, std::min(tile_tokens, shape.tokens() - begin)});
  }
  return tiles;
}

struct Piece {
  int64_t sequence = 0, token = 0;  // where it starts: index in the batch, local index in the sequence
  int64_t row = 0, count = 0;       // rows of the tile
};
inline std::vector<Piece> pieces_of(BatchShape shape, Tile tile) {
  std::vector<Piece> pieces;
  for (int64_t row = 0; row < tile.count;) {
    const int64_t sequence = (tile.begin + row) / shape.length, token = (tile.begin + row) % shape.length;
    const int64_t count = std::min(shape.length - token, tile.count - row);
    pieces.push_back({sequence, token, row, count});
    row += count;
  }
  return pieces;
}

}  // namespace ropeway
