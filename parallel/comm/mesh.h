// The world as a grid: rank = data_index * sequence_size + sequence_index. Ranks of one row hold the shards
// of the same sequences (ring attention inside a row); rows hold different sequences. Integers only.
#pragma once

#include <memory>

#include "parallel/comm/communicator.h"

namespace ropeway {

struct MeshShape {
  int data = 1, sequence = 1;
};

struct Mesh {
  Communicator* world = nullptr;           // all ranks; not owned
  std::unique_ptr<Communicator> sequence;  // the ranks that share this rank's sequences, by sequence_index
  std::unique_ptr<Communicator> data;      // the ranks with the same sequence_index, by data_index
  MeshShape shape;
  int data_index = 0, sequence_index = 0;
};

// shape.sequence == 0 means: all ranks / data. Throws kLauncher when data * sequence != world.size(), with
// the sum.
Mesh make_mesh(Communicator& world, MeshShape shape);

}  // namespace ropeway
