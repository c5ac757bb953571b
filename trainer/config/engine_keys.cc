// Keys of the ranks and of the engine.
#include "trainer/config/key_rows.h"

namespace ropeway {
namespace {

template <auto Member>
Field mesh(Recipe& r) {
  return field_at(r.mesh.*Member);
}
template <auto Member>
Field engine(Recipe& r) {
  return field_at(r.engine.*Member);
}

}  // namespace

std::vector<RecipeKey> engine_keys() {
  using enum ValueType;
  return {
      key("mesh", "data", kInteger, mesh<&MeshRecipe::data>,
          {.low = 1, .high = 1e6, .also = "dp data_parallel dp_size data_parallel_size"},
          "ranks with different sequences"),
      key("mesh", "sequence", kAutoInteger, mesh<&MeshRecipe::sequence>,
          {.low = 1,
           .high = 1e6,
           .also = "cp sp context_parallel sequence_parallel context_parallel_size sequence_parallel_size "
                   "cp_size sp_size"},
          "ranks that share each sequence; auto: all ranks / data, or ring x heads"),
      key("mesh", "ring", kAutoInteger, mesh<&MeshRecipe::ring>,
          {.low = 1, .high = 1e6, .also = "ring_degree ring_size ring_attention_size"},
          "places round which keys and values of a sequence travel; auto: sequence / heads"),
      key("mesh", "heads", kAutoInteger, mesh<&MeshRecipe::heads>,
          {.low = 1, .high = 1e6, .also = "ulysses ulysses_degree ulysses_size sp_ulysses"},
          "neighbours at each place, which share attention's heads; auto: sequence / ring, or 1 on one host "
          "and on "
          "several as many ranks of a host as the model's heads allow"),
      key("mesh", "placement", kChoice, mesh<&MeshRecipe::placement>, {},
          "which tokens of a sequence a rank holds"),
      key("engine", "save_attention", kFlag, engine<&EngineRecipe::save_attention>, {},
          "keep attention's output between forward and backward"),
      key("engine", "head_groups", kAutoInteger, engine<&EngineRecipe::head_groups>, {.low = 1, .high = 1e6},
          "groups of heads that attention computes one after the other, so that the ring holds one at a "
          "time; divides "
          "the model's key heads; auto: as few as the memory has room for"),
      key("engine", "activations", kChoice, engine<&EngineRecipe::activations>,
          {.also = "activation_offload offload_activations cpu_offload"},
          "where what backward needs of each block waits; auto: in host memory if only that fits"),
      key("engine", "zero", kAutoInteger, engine<&EngineRecipe::zero>,
          {.low = 1, .high = 3, .also = "zero_stage zero_optimization fsdp sharding_strategy deepspeed"},
          "what ranks share out (ZeRO): 1: the optimizer's state, 2: and gradients, 3: and weights, gathered "
          "block by block, also to search and evaluate; auto: the first with which a GPU's memory "
          "suffices, 1 on CPUs"),
      key("engine", "keep_bytes", kAutoInteger, engine<&EngineRecipe::keep_bytes>,
          {.high = 1e15, .also = "gradient_checkpointing disable_gradient_checkpointing"},
          "bytes of projections kept for backward instead of computed again, where records are on the "
          "device; auto: 1 GiB, on a GPU what its memory has room for"),
      key("engine", "tile_tokens", kAutoInteger, engine<&EngineRecipe::tile_tokens>,
          {.low = 1, .high = kMaxSize},
          "tokens per tile of norms, projections and MLP; auto: by the memory there is"),
      key("engine", "loss_tile_tokens", kAutoInteger, engine<&EngineRecipe::loss_tile_tokens>,
          {.low = 1, .high = kMaxSize},
          "tokens per tile of head and cross-entropy; auto: by the memory there is"),
      key("engine", "hang_seconds", kInteger, engine<&EngineRecipe::hang_seconds>,
          {.low = 1, .high = 1e9, .also = "timeout nccl_timeout ddp_timeout"},
          "seconds without a sign of life of a rank, or of waiting for one that does not get on, before the "
          "job "
          "ends with code 76 and says who is where; on GPUs also of a transfer that a neighbour keeps "
          "waiting"),
      key("engine", "compare_every", kInteger, engine<&EngineRecipe::compare_every>, {.low = 0, .high = 1e9},
          "steps of training, or evaluations of a search, from one comparison of the ranks' copies of the "
          "weights to the next; 0: never"),
  };
}

}  // namespace ropeway
