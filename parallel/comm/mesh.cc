#include "parallel/comm/mesh.h"

#include "kernels/base/error.h"

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
  return shape;
}

}  // namespace

Mesh::Mesh(Communicator& world, MeshShape shape) : world_(&world), shape_(fitted(shape, world.size())) {
  int stride = 1;  // ranks from one index of the axis to the next
  for (int i = kNumAxes - 1; i >= 0; --i) {
    const auto axis = static_cast<Axis>(i);
    Place& place = places_[static_cast<size_t>(i)];
    place.index = world.rank() / stride % size(axis);
    const int first_of_group = world.rank() - place.index * stride;
    place.group = world.split(first_of_group, place.index);
    stride *= size(axis);
  }
}

}  // namespace ropeway
