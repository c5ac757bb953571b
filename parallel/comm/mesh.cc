#include "parallel/comm/mesh.h"

#include "kernels/base/error.h"

namespace ropeway {

Mesh make_mesh(Communicator& world, MeshShape shape) {
  const int ranks = world.size();
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
  Mesh mesh;
  mesh.world = &world;
  mesh.shape = shape;
  mesh.data_index = world.rank() / shape.sequence;
  mesh.sequence_index = world.rank() % shape.sequence;
  mesh.sequence = world.split(mesh.data_index, mesh.sequence_index);
  mesh.data = world.split(mesh.sequence_index, mesh.data_index);
  return mesh;
}

}  // namespace ropeway
