// Where a model's weights and gradients live. The engine works on one unit of the model at a time and leases
// it from the store, so that a store may gather a unit's weights just before they are used and scatter its
// gradients as soon as they are complete (ZeRO stage 3), or keep everything in place. Everyone else asks the
// store as a whole: the optimizer for what this rank updates, a checkpoint for all weights by name. No caller
// knows how the weights are laid out.
//
// A training pass leases, one at a time:
//   forward    embedding, block 0, ..., block N-1                    weights
//   loss       head                                                  weights and gradients
//   backward   block N-1, ..., block 0                               weights and gradients
//              embedding                                             gradients
// A pass without weight gradients asks for weights only and ends with the last of these that it needs.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "parallel/comm/collectives.h"
#include "parallel/zero/optimizer_shard.h"
#include "parallel/zero/unit_shards.h"
#include "trainer/family/weight_names.h"
#include "trainer/model/parameter_tensors.h"

namespace ropeway {

// What is leased together.
struct ParameterUnit {
  enum class Kind { kEmbedding, kBlock, kHead };  // kHead: final norm and head
  Kind kind = Kind::kEmbedding;
  int64_t layer = 0;  // of a block

  static constexpr ParameterUnit embedding() { return {Kind::kEmbedding, 0}; }
  static constexpr ParameterUnit block(int64_t layer) { return {Kind::kBlock, layer}; }
  static constexpr ParameterUnit head() { return {Kind::kHead, 0}; }
  bool operator==(const ParameterUnit&) const = default;
};
enum class LeaseOf { kWeights, kGradients, kWeightsAndGradients };

struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

class ParameterStore {
 public:
  virtual ~ParameterStore() = default;

  // --- For the engine. Every acquire is matched by a release; ParameterLease sees to that. At most one unit
  // is leased at a time. Work that uses the tensors may still be queued on a GPU when they are released: a
  // store that uses their memory again does so in the order of the compute stream.
  struct Leased {
    UnitTensors weights;    // read only
    UnitTensors gradients;  // acc type; the engine adds to them
  };
  // The tensors that were not asked for are undefined. Those of a tied head are the embedding's: gradients
  // that the head adds are there when the embedding's gradients are leased later in the pass.
  virtual Leased acquire(ParameterUnit unit, LeaseOf of) = 0;
  // Nothing more is added to the unit's gradients in this pass. Called once per unit and pass, while it is
  // leased. Tied weights count as the embedding's alone: after the head they are still incomplete.
  virtual void gradients_done(ParameterUnit unit) = 0;
  virtual void release(ParameterUnit unit) = 0;
  // A hint, given during a lease: the unit that the pass leases next. Not given when it is the last one.
  virtual void expect(ParameterUnit unit, LeaseOf of) = 0;

  // --- For everyone else, between passes.
  virtual at::TensorOptions weight_options() const = 0;      // type and device of leased weights
  virtual const std::vector<NamedShape>& names() const = 0;  // of all weights, in the order of weight_names()
  // Collective: every rank gives the whole weight, of any floating type and on any device.
  virtual void set_weight(const std::string& name, const at::Tensor& values) = 0;
  // Collective: all weights in host memory, in the order of names(); empty on ranks where they are not
  // `wanted`. The tensors may be the weights themselves: do not write to them, and do not keep them across a
  // step.
  virtual std::vector<NamedTensor> weights_on_host(bool wanted) = 0;
  // The weights that this rank holds, without those that it was lent for a pass: `flat` are elements `begin`
  // and following of the flat array of all.
  struct FlatPiece {
    at::Tensor flat;
    int64_t begin = 0;
  };
  virtual std::vector<FlatPiece> held_weights() = 0;
  // What this rank's optimizer works on, for as long as the gradients are not released. exchange: of all
  // ranks, over the memory the weights are in. The store must outlive it.
  virtual std::unique_ptr<OptimizerShard> optimizer_shard(Collectives& exchange) = 0;
  // Where this rank's own gradients of the passes since they were zeroed, before they are summed over ranks,
  // are NaN or infinite: the weight that the backward pass comes to first; "": nowhere.
  virtual std::string non_finite_gradient() = 0;
  virtual void clear_gradients() = 0;  // zeroes them
  // The name of the weight that element `index` of the flat array of all belongs to.
  virtual const std::string& name_at(int64_t index) const = 0;
  // Where no rank holds all weights: how they are divided, and this rank's share in one piece, with as much
  // memory behind it as the longest row takes; null and undefined where every rank holds them all.
  virtual const UnitShards* weight_shards() const { return nullptr; }
  virtual at::Tensor own_share() const { return {}; }
  // Whether every rank holds all weights. If so, fingerprint() (kernels/ops/fingerprint.h) is of all of them,
  // and equal on ranks that hold the same on devices of one kind; otherwise of what this rank holds.
  bool replicated() const { return weight_shards() == nullptr; }
  virtual uint64_t fingerprint();
  // Frees the gradients; they are zero when they are next asked for.
  virtual void release_gradients() = 0;

  struct Bytes {
    int64_t weights = 0, gradients = 0;
  };
  virtual Bytes bytes() const = 0;  // held by this rank
};

// One unit, leased for the lifetime of this object.
class ParameterLease {
 public:
  ParameterLease(ParameterStore& store, ParameterUnit unit, LeaseOf of)
      : store_(store), unit_(unit), tensors_(store.acquire(unit, of)) {}
  ~ParameterLease() { store_.release(unit_); }
  ParameterLease(const ParameterLease&) = delete;
  ParameterLease& operator=(const ParameterLease&) = delete;

  const UnitTensors& weights() const { return tensors_.weights; }
  const UnitTensors& gradients() const { return tensors_.gradients; }
  void gradients_done() const { store_.gradients_done(unit_); }

 private:
  ParameterStore& store_;
  const ParameterUnit unit_;
  const ParameterStore::Leased tensors_;
};

}  // namespace ropeway
