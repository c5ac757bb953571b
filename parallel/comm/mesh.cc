#include "parallel/comm/mesh.h"

#include "kernels/base/error.h"
#include "parallel/comm/world_of_one.h"

namespace ropeway {
namespace {

// The shape with its automatic axis filled in; throws if it is not the whole world.
MeshShape fitted(MeshShape shape, int ranks) {
  if (shape.data < 1 || shape.sequence < 0) {
    fail(ErrorKind::kLauncher, "mesh of {} data x {} sequence ranks: both must be positive", shape.data,
         shape.sequence);
  }
  if (shape.sequence == 0) {
    if (ranks % shape.data != 0) {
      fail(ErrorKind::kLauncher, "mesh: {} ranks cannot be divided into {} equal data rows", ranks,
           shape.data);
    }
    shape.sequence = ranks / shape.data;
  }
  const int64_t wanted = int64_t{shape.data} * shape.sequence;
  if (wanted != ranks) {
    fail(ErrorKind::kLauncher, "mesh: {} data x {} sequence = {} ranks, but the job has {}", shape.data,
         shape.sequence, wanted, ranks);
  }
  if (shape.heads < 1 || shape.sequence % shape.heads != 0) {
    fail(ErrorKind::kLauncher, "mesh: {} sequence ranks cannot be divided into groups of {} for heads",
         shape.sequence, shape.heads);
  }
  return shape;
}

}  // namespace

int MeshShape::size(Axis axis) const {
  switch (axis) {
    case Axis::kData:
      return data;
    case Axis::kSequence:
      return sequence;
    case Axis::kRing:
      return ring();
    case Axis::kHeads:
      return heads;
  }
  fail(ErrorKind::kInternal, "axis {}", static_cast<int>(axis));
}

// stride: ranks from one index of the axis to the next.
void Mesh::join(Axis axis, int stride) {
  Place& place = places_[static_cast<size_t>(axis)];
  place.index = world_->rank() / stride % size(axis);
  place.group = world_->split(world_->rank() - place.index * stride, place.index);
}

Mesh::Mesh(Communicator& world, MeshShape shape) : world_(&world), shape_(fitted(shape, world.size())) {
  join(Axis::kSequence, 1);
  join(Axis::kData, shape_.sequence);
  if (shape_.heads > 1) {
    join(Axis::kHeads, 1);
    join(Axis::kRing, shape_.heads);
  } else {
    places_[static_cast<size_t>(Axis::kRing)] = places_[static_cast<size_t>(Axis::kSequence)];
    places_[static_cast<size_t>(Axis::kHeads)].group = make_world_of_one();
  }
}

}  // namespace ropeway
