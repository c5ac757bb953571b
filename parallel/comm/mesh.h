// The world as a grid with named axes. Data: rows of ranks that hold different sequences. Sequence: the ranks
// of a row, which hold shards of the same sequences. The rank is the mixed-radix number of its indices, the
// last axis fastest: with two axes, rank = index(kData) * size(kSequence) + index(kSequence), so the ranks
// that exchange most are neighbours on a host. Another axis (heads) is one more name here and one more number
// in MeshShape. Integers and groups only.
#pragma once

#include <array>
#include <memory>

#include "parallel/comm/communicator.h"

namespace ropeway {

enum class Axis { kData, kSequence };  // slowest first
constexpr int kNumAxes = 2;

// Ranks along each axis.
struct MeshShape {
  int data = 1, sequence = 1;

  int size(Axis axis) const { return axis == Axis::kData ? data : sequence; }
};

class Mesh {
 public:
  // Collective. shape.sequence == 0 means: all ranks / data. Throws kLauncher when the sizes of the axes do
  // not multiply to world.size(), with the sum. The world must outlive the mesh.
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
    std::unique_ptr<Communicator> group;
  };
  const Place& place_of(Axis axis) const { return places_[static_cast<size_t>(axis)]; }

  Communicator* world_;
  MeshShape shape_;
  std::array<Place, kNumAxes> places_;
};

}  // namespace ropeway
