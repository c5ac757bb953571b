// The world as a grid with named axes. Data: rows of ranks that hold different sequences. Sequence: the ranks
// of a row, which hold shards of the same sequences; they in turn are a ring of places with `heads`
// neighbours at each, which exchange rows for heads (parallel/attention/head_attention.h). The rank is the
// mixed-radix number of its indices, the last axis fastest: rank = (index(kData) * size(kRing) +
// index(kRing)) * size(kHeads) + index(kHeads), and within its row index(kSequence) = index(kRing) *
// size(kHeads) + index(kHeads). So the ranks that exchange most are neighbours on a host. Integers and groups
// only.
#pragma once

#include <array>
#include <memory>

#include "parallel/comm/communicator.h"

namespace ropeway {

enum class Axis { kData, kSequence, kRing, kHeads };
constexpr int kNumAxes = 4;

// Ranks along each axis.
struct MeshShape {
  int data = 1, sequence = 1;
  int heads = 1;  // of `sequence`; divides it

  int ring() const { return sequence / heads; }
  int size(Axis axis) const;
  bool operator==(const MeshShape&) const = default;
};

class Mesh {
 public:
  // Collective. shape.sequence == 0 means: all ranks / data. Throws kLauncher when the sizes of the axes do
  // not multiply to world.size(), with the sum, or heads do not divide a row. The world must outlive the
  // mesh.
  Mesh(Communicator& world, MeshShape shape);

  Communicator& world() const { return *world_; }
  const MeshShape& shape() const { return shape_; }
  int size(Axis axis) const { return shape_.size(axis); }
  // This rank's place along the axis, 0 .. size(axis) - 1.
  int index(Axis axis) const { return place_of(axis).index; }
  // The ranks that differ from this one along the axis alone, ordered by their index.
  Communicator& group(Axis axis) const { return *place_of(axis).group; }

 private:
  struct Place {
    int index = 0;
    std::shared_ptr<Communicator> group;
  };
  void join(Axis axis, int stride);
  const Place& place_of(Axis axis) const { return places_[static_cast<size_t>(axis)]; }

  Communicator* world_;
  MeshShape shape_;
  std::array<Place, kNumAxes> places_;
};

}  // namespace ropeway
