#include "trainer/model/sharded_parameters.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/fingerprint.h"
#include "kernels/ops/optim_ops.h"
#include "parallel/board/position.h"
#include "parallel/comm/exchange_ahead.h"

namespace ropeway {
namespace {

DType dtype_of_sums(const at::Tensor& sums) {
  return sums.scalar_type() == at::kDouble ? DType::kF64 : DType::kF32;
}

int64_t bytes_of(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<int64_t>(tensor.nbytes()) : 0;
}

std::byte* address_of(const at::Tensor& tensor) { return static_cast<std::byte*>(tensor.mutable_data_ptr()); }

}  // namespace

// --- What the optimizer sees.

class ShardedParameters::Shard : public OptimizerShard {
 public:
  explicit Shard(ShardedParameters& store) : store_(store), decayed_(store.layout_.decayed()) {}

  int64_t total() const override { return store_.shards_.total(); }
  const std::vector<FlatRange>& pieces() const override { return store_.shards_.pieces(); }
  const FlatRanges& decayed() const override { return decayed_; }
  at::Tensor weights(size_t piece) override { return store_.own_weights(piece); }
  at::Tensor weights_as_one() override {
    return store_.sharded() ? store_.weights_.narrow(0, 0, store_.shards_.own_count()) : at::Tensor();
  }
  at::Tensor gradients() override { return store_.own_gradients(); }

  // The ranks' sums of squares are added up in F64.
  double sum_gradients() override {
    const at::Tensor own = store_.own_gradients();
    store_.take_all_home();
    for (Place& place : store_.lent_weights_) settle(place);  // what is sent is about to change
    const at::Tensor sum = at::full({1}, ops::sum_of_squares(own), own.options().dtype(at::kDouble));
    store_.exchange_->all_reduce(sum.mutable_data_ptr(), 1, DType::kF64, ReduceOp::kSum);
    return std::sqrt(sum.item<double>());
  }
  void zero_gradients() override { store_.clear_gradients(); }
  void spread_weights() override { store_.spread_weights(); }

 private:
  ShardedParameters& store_;
  const FlatRanges decayed_;
};

ShardedParameters::ShardedParameters(const ModelConfig& config, at::ScalarType dtype, at::Device device,
                                     std::shared_ptr<Collectives> exchange, Weights weights)
    : layout_(config),
      exchange_(std::move(exchange)),
      kind_(weights),
      shards_(layout_.units(), exchange_->size(), exchange_->rank()) {
  ROPEWAY_CHECK(dtype == at::kDouble || dtype == at::kFloat || dtype == at::kBFloat16, "weights of type {}",
                static_cast<int>(dtype));
  int64_t whole = 0, longest_row = 0;
  for (size_t u = 0; u < shards_.num_units(); ++u) {
    begins_.push_back(sharded() ? shards_.own_begin(u) : whole);
    whole += shards_.padded(u);
    longest_row = std::max(longest_row, shards_.row(u));
    for (Places* const places : {&lent_weights_, &lent_gradients_}) {
      int64_t& capacity = (*places)[place_of(u)].capacity;
      capacity = std::max(capacity, shards_.padded(u));
    }
  }
  const int64_t count = sharded() ? shards_.own_count() + longest_row : whole;
  weights_ = at::zeros({count}, at::TensorOptions(dtype).device(device));
}

ShardedParameters::~ShardedParameters() = default;

std::vector<size_t> ShardedParameters::units_of(ParameterUnit unit) const {
  const size_t own = layout_.unit_index(unit);
  if (unit == ParameterUnit::head() && tied()) return {own, 0};
  return {own};
}

ShardedParameters::PlaceOf ShardedParameters::place_of(size_t unit) const {
  if (unit == 0) return kWide;
  if (unit + 1 == layout_.units().size()) return tied() ? kTiedHead : kWide;
  return unit % 2 == 0 ? kEven : kOdd;
}

void ShardedParameters::settle(Place& place) {
  if (!place.in_flight) return;
  {
    const Waiting waiting(WaitFor::kRanks, "shares");
    place.in_flight->wait();
  }
  place.in_flight = nullptr;
}

// --- Weights.

at::Tensor ShardedParameters::own_weights(size_t unit) const {
  const FlatRange piece = shards_.pieces()[unit];
  const int64_t before = sharded() ? 0 : piece.begin - shards_.unit(unit).begin;
  return weights_.narrow(0, begins_[unit] + before, piece.size());
}

// Starts, unless the unit is there or on its way.
void ShardedParameters::gather(size_t unit) {
  Place& place = lent_weights_[place_of(unit)];
  if (place.unit == unit) return;
  settle(place);
  if (!place.memory.defined()) place.memory = at::empty({place.capacity}, weights_.options());
  place.unit = unit;
  const auto element = static_cast<int64_t>(weights_.element_size());
  place.in_flight = start_all_gather(*exchange_, address_of(weights_) + begins_[unit] * element,
                                     address_of(place.memory), shards_.row(unit) * element);
  ++counts_.gathers;
}

ParameterLayout::Stretch ShardedParameters::weights_of(size_t unit) {
  const FlatRange range = shards_.unit(unit);
  if (!sharded()) return {weights_.narrow(0, begins_[unit], range.size()), range.begin};
  gather(unit);
  Place& place = lent_weights_[place_of(unit)];
  settle(place);
  return {place.memory.narrow(0, 0, range.size()), range.begin};
}

void ShardedParameters::forget_gathered() {
  for (Place& place : lent_weights_) {
    settle(place);
    place.unit.reset();
  }
}

void ShardedParameters::spread_weights() {
  if (sharded()) return forget_gathered();
  const auto element = static_cast<int64_t>(weights_.element_size());
  for (size_t u = 0; u < shards_.num_units(); ++u) {
    std::byte* const rows = address_of(weights_) + begins_[u] * element;
    const int64_t row = shards_.row(u) * element;
    exchange_->all_gather(rows + exchange_->rank() * row, rows, row);
  }
}

void ShardedParameters::set_weight(const std::string& name, const at::Tensor& values) {
  const size_t index = layout_.index_of(name);
  const FlatRange range = layout_.range(index);
  ROPEWAY_CHECK(values.sizes() == at::IntArrayRef(names()[index].shape), "{} values for the {} of weight {}",
                values.numel(), range.size(), name);
  forget_gathered();
  const size_t unit = shards_.unit_at(range.begin);
  const FlatRange held = sharded() ? shards_.pieces()[unit] : shards_.unit(unit);
  const FlatRange own{std::max(range.begin, held.begin), std::min(range.end, held.end)};
  if (own.size() <= 0) return;
  weights_.narrow(0, begins_[unit] + own.begin - held.begin, own.size())
      .copy_(values.reshape({-1}).narrow(0, own.begin - range.begin, own.size()));
}

std::vector<NamedTensor> ShardedParameters::weights_on_host(bool wanted) {
  std::vector<NamedTensor> named;
  if (!sharded() && !wanted) return named;
  const at::Tensor memory = sharded() ? at::Tensor() : weights_.to(at::kCPU);
  for (size_t u = 0; u < shards_.num_units(); ++u) {
    const FlatRange unit = shards_.unit(u);
    ParameterLayout::Stretch stretch{memory, unit.begin};
    if (sharded()) {
      stretch = weights_of(u);
      if (!wanted) continue;
      stretch.flat = stretch.flat.to(at::kCPU, /*non_blocking=*/false, /*copy=*/true);
    } else {
      stretch.flat = memory.narrow(0, begins_[u], unit.size());
    }
    const auto [first, end] = layout_.weights_in(unit);
    for (size_t i = first; i < end; ++i) named.push_back({names()[i].name, layout_.view(stretch, i)});
  }
  return named;
}

std::vector<ParameterStore::FlatPiece> ShardedParameters::held_weights() {
  std::vector<FlatPiece> held;
  for (size_t u = 0; u < shards_.num_units(); ++u) {
    const FlatRange range = sharded() ? shards_.pieces()[u] : shards_.unit(u);
    if (range.size() > 0) held.push_back({weights_.narrow(0, begins_[u], range.size()), range.begin});
  }
  return held;
}

uint64_t ShardedParameters::fingerprint() { return ops::fingerprint(weights_); }

// --- Gradients.

at::Tensor ShardedParameters::own_gradients() {
  if (!gradients_.defined()) {
    const auto acc = weights_.options().dtype(ops::accumulation_type(weights_.scalar_type()));
    gradients_ = at::zeros({shards_.own_count()}, acc);
    sums_ = at::zeros({static_cast<int64_t>(names().size())}, acc);
  }
  return gradients_;
}

ParameterLayout::Stretch ShardedParameters::zeroed_gradients_of(size_t unit) {
  const auto options = own_gradients().options();
  Place& place = lent_gradients_[place_of(unit)];
  take_home(place);
  if (!place.memory.defined()) place.memory = at::empty({place.capacity}, options);
  place.memory.narrow(0, 0, shards_.padded(unit)).zero_();
  return {place.memory, shards_.unit(unit).begin};
}

void ShardedParameters::look_at(size_t unit, const at::Tensor& gradients) {
  const auto [first, end] = layout_.weights_in(shards_.unit(unit));
  for (size_t i = first; i < end; ++i) {
    const at::Tensor of_weight = layout_.view({gradients, shards_.unit(unit).begin}, i);
    sums_.select(0, static_cast<int64_t>(i)).add_(at::sum(of_weight));
  }
}

void ShardedParameters::send_home(size_t unit) {
  Place& place = lent_gradients_[place_of(unit)];
  look_at(unit, place.memory);
  const int64_t row = shards_.row(unit);
  const auto element = static_cast<int64_t>(place.memory.element_size());
  place.unit = unit;
  place.in_flight = start_reduce_scatter(*exchange_, address_of(place.memory),
                                         address_of(place.memory) + exchange_->rank() * row * element, row,
                                         dtype_of_sums(place.memory), ReduceOp::kSum);
  ++counts_.reductions;
}

void ShardedParameters::take_home(Place& place) {
  if (!place.in_flight) return;
  settle(place);
  const size_t unit = *place.unit;
  place.unit.reset();
  const int64_t count = shards_.pieces()[unit].size();
  if (count == 0) return;
  gradients_.narrow(0, shards_.own_begin(unit), count)
      .add_(place.memory.narrow(0, exchange_->rank() * shards_.row(unit), count));
}

void ShardedParameters::take_all_home() {
  for (Place& place : lent_gradients_) take_home(place);
}

std::string ShardedParameters::non_finite_gradient() {
  own_gradients();
  const ops::NonFinite found = ops::find_non_finite(sums_);
  return found.count == 0 ? "" : names()[static_cast<size_t>(found.last)].name;
}

void ShardedParameters::clear_gradients() {
  for (Place& place : lent_gradients_) settle(place);
  own_gradients().zero_();
  sums_.zero_();
}

void ShardedParameters::release_gradients() {
  for (Places* const places : {&lent_weights_, &lent_gradients_}) {
    for (Place& place : *places) {
      settle(place);
      place = {.capacity = place.capacity, .memory = {}, .unit = {}, .in_flight = {}};
    }
  }
  gradients_ = sums_ = at::Tensor();
}

// --- Leases.

ParameterStore::Leased ShardedParameters::acquire(ParameterUnit unit, LeaseOf of) {
  const std::vector<size_t> units = units_of(unit);
  Leased leased;
  if (of != LeaseOf::kGradients) {
    for (const size_t u : units) {
      if (sharded()) gather(u);
    }
    leased.weights = layout_.unit_views(unit, weights_of(units.front()), weights_of(units.back()));
  }
  if (of != LeaseOf::kWeights) {
    std::vector<ParameterLayout::Stretch> lent;
    for (const size_t u : units) lent.push_back(zeroed_gradients_of(u));
    leased.gradients = layout_.unit_views(unit, lent.front(), lent.back());
  }
  return leased;
}

// Those of the unit before have had the time of this one to come home.
void ShardedParameters::gradients_done(ParameterUnit unit) {
  take_all_home();
  for (const size_t u : units_of(unit)) send_home(u);
}

void ShardedParameters::expect(ParameterUnit unit, LeaseOf of) {
  if (!sharded() || of == LeaseOf::kGradients) return;
  for (const size_t u : units_of(unit)) gather(u);
}

std::unique_ptr<OptimizerShard> ShardedParameters::optimizer_shard(Collectives& exchange) {
  ROPEWAY_CHECK(exchange.size() == exchange_->size(), "shares of {} ranks, of which {} train",
                exchange_->size(), exchange.size());
  return std::make_unique<Shard>(*this);
}

ParameterStore::Bytes ShardedParameters::bytes() const {
  Bytes bytes{bytes_of(weights_), bytes_of(gradients_) + bytes_of(sums_)};
  for (const Place& place : lent_weights_) bytes.weights += bytes_of(place.memory);
  for (const Place& place : lent_gradients_) bytes.gradients += bytes_of(place.memory);
  return bytes;
}

}  // namespace ropeway
