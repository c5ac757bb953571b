// One rank with a tiny model of its own: what tests of evaluation run on.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "parallel/attention/ring_attention.h"
#include "parallel/comm/mesh.h"
#include "parallel/comm/thread_world.h"
#include "parallel/comm/world_of_one.h"
#include "tests/support/model_shape.h"
#include "trainer/model/causal_lm.h"
#include "trainer/model/initial_weights.h"
#include "trainer/model/resident_parameters.h"

namespace ropeway {

inline ModelConfig tiny_config() {
  ModelConfig config = make_config(
      {.vocab = 256, .hidden = 32, .intermediate = 48, .kv_heads = 2, .head_dim = 8, .window = 64});
  config.initializer_range = 0.3;  // far from uniform predictions
  return config;
}

struct TinyRank {
  explicit TinyRank(Communicator& world, MeshShape shape = {}, at::ScalarType dtype = at::kDouble,
                    const EnginePlan& plan = {}, const ModelConfig& config = tiny_config())
      : mesh(world, shape),
        ring(mesh.group(Axis::kSequence), Placement::kZigzag),
        store(config, dtype),
        model(config, store, ring, plan) {
    initialize_weights(store, config, 17);
  }

  Mesh mesh;
  RingAttention ring;
  ResidentParameters store;
  CausalLM model;
};

// A group of one with its model.
struct AloneRank {
  std::unique_ptr<Communicator> world = make_world_of_one();
  TinyRank rank{*world};
};

// `work` on data * sequence thread-ranks; its results by rank.
template <typename Result>
std::vector<Result> on_mesh(MeshShape shape, const std::function<Result(TinyRank&)>& work) {
  std::vector<Result> results(static_cast<size_t>(shape.data * shape.sequence));
  run_thread_world(shape.data * shape.sequence, [&](Communicator& world) {
    TinyRank rank(world, shape);
    results[static_cast<size_t>(world.rank())] = work(rank);
  });
  return results;
}

}  // namespace ropeway
