// The store whose gradients, and by choice weights too, are divided among the ranks unit by unit (stages 2
// and 3 of ZeRO, Rajbhandari et al., 2020; parallel/zero/unit_shards.h):
//
//   gradients   A unit's are lent as a buffer of zeros. Once they are done, the ranks' buffers are summed,
//               and each rank adds the sum of its own piece to what it has of earlier passes: home, in acc
//               type. The sum travels while the next unit is at work, where the collectives can do that.
//   weights     kWhole: in place on every rank. kSharded: a rank holds its own pieces. A unit is gathered
//               into memory that units take turns in as soon as it is expected: while the one before it is at
//               work. It stays there until another one needs the place or weights change, so that the last
//               blocks of a forward pass are not gathered again for the backward pass.
//
// A tied head adds to the embedding's gradient, which then travels twice in a pass: the memory of a whole
// embedding is not held through the backward pass of all blocks.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parallel/zero/unit_shards.h"
#include "trainer/family/model_config.h"
#include "trainer/model/parameter_layout.h"
#include "trainer/model/parameter_store.h"

namespace ropeway {

class ShardedParameters : public ParameterStore {
 public:
  enum class Weights { kWhole, kSharded };

  // dtype of the weights: kDouble, kFloat or kBFloat16. Weights are zero. exchange: of the ranks that share,
  // over the memory of `device`; all of them take the same passes.
  ShardedParameters(const ModelConfig& config, at::ScalarType dtype, at::Device device,
                    std::shared_ptr<Collectives> exchange, Weights weights);
  ~ShardedParameters() override;

  Leased acquire(ParameterUnit unit, LeaseOf of) override;
  void gradients_done(ParameterUnit unit) override;
  void release(ParameterUnit) override {}
  void expect(ParameterUnit unit, LeaseOf of) override;

  at::TensorOptions weight_options() const override { return weights_.options(); }
  const std::vector<NamedShape>& names() const override { return layout_.names(); }
  void set_weight(const std::string& name, const at::Tensor& values) override;
  std::vector<NamedTensor> weights_on_host(bool wanted) override;
  std::vector<FlatPiece> held_weights() override;
  std::unique_ptr<OptimizerShard> optimizer_shard(Collectives& exchange) override;
  std::string non_finite_gradient() override;
  void clear_gradients() override;
  const std::string& name_at(int64_t index) const override { return layout_.name_at(index); }
  const UnitShards* weight_shards() const override { return sharded() ? &shards_ : nullptr; }
  at::Tensor own_share() const override { return sharded() ? weights_ : at::Tensor(); }
  uint64_t fingerprint() override;
  void release_gradients() override;
  Bytes bytes() const override;

  // Of this rank's share, summed over ranks: pieces one behind the other.
  at::Tensor own_gradients();
  const UnitShards& shards() const { return shards_; }

  struct Counts {
    int64_t gathers = 0, reductions = 0;  // of units, by passes
  };
  Counts counts() const { return counts_; }  // since the store was made

 private:
  class Shard;
  // Memory that units take turns in.
  struct Place {
    int64_t capacity = 0;  // elements
    at::Tensor memory;
    std::optional<size_t> unit;  // whose data are there or, with a hop in flight, on their way
    std::unique_ptr<Hop> in_flight;
  };
  // Blocks alternate, so that the next one arrives while this one is at work; embedding and head are never
  // needed close to each other, but for the small head of tied weights.
  enum PlaceOf : size_t { kWide, kEven, kOdd, kTiedHead, kNumPlaces };
  using Places = std::array<Place, kNumPlaces>;

  bool sharded() const { return kind_ == Weights::kSharded; }
  bool tied() const { return layout_.config().tie_word_embeddings; }
  // The unit and, for a tied head, the embedding whose weights it takes.
  std::vector<size_t> units_of(ParameterUnit unit) const;
  PlaceOf place_of(size_t unit) const;
  static void settle(Place& place);
  void gather(size_t unit);
  ParameterLayout::Stretch weights_of(size_t unit);
  ParameterLayout::Stretch zeroed_gradients_of(size_t unit);
  void send_home(size_t unit);
  void take_home(Place& place);
  void take_all_home();
  void look_at(size_t unit, const at::Tensor& gradients);
  void forget_gathered();
  at::Tensor own_weights(size_t unit) const;
  void spread_weights();

  const ParameterLayout layout_;
  const std::shared_ptr<Collectives> exchange_;
  const Weights kind_;
  const UnitShards shards_;
  std::vector<int64_t> begins_;  // of units in weights_
  // kWhole: all units, each padded to whole rows. kSharded: own pieces, and behind them enough for a row to
  // be sent.
  at::Tensor weights_;
  at::Tensor gradients_;  // own pieces, acc type
  // By weight: the sum over the elements of what this rank's passes gave, which is finite where all of them
  // are, but for overflow.
  at::Tensor sums_;
  Places lent_weights_, lent_gradients_;
  Counts counts_;
};

}  // namespace ropeway
