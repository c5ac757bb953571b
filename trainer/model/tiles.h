// Tiles of consecutive tokens of a flattened batch [B, n], and the pieces of sequences inside a tile: what
// needs the position of a token goes piece by piece.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace ropeway {

struct BatchShape {
  int64_t sequences = 0;  // B
  int64_t length = 0;     // n, local
  int64_t tokens() const { return sequences * length; }
};

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
  int64_t sequence = 0, position = 0;  // where it starts: index in the batch, local index in the sequence
  int64_t row = 0, count = 0;          // rows of the tile
};
inline std::vector<Piece> pieces_of(BatchShape shape, Tile tile) {
  std::vector<Piece> pieces;
  for (int64_t row = 0; row < tile.count;) {
    const int64_t token = tile.begin + row;
    const int64_t position = token % shape.length;
    const int64_t count = std::min(shape.length - position, tile.count - row);
    pieces.push_back({token / shape.length, position, row, count});
    row += count;
  }
  return pieces;
}

}  // namespace ropeway
