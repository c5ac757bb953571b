#include "trainer/model/resident_parameters.h"

#include <ATen/ops/zeros.h>

#include "kernels/base/error.h"
#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/fingerprint.h"
#include "kernels/ops/optim_ops.h"
#include "parallel/zero/whole_parameters.h"

namespace ropeway {

ResidentParameters::ResidentParameters(const ModelConfig& config, at::ScalarType dtype, at::Device device)
    : layout_(config) {
  ROPEWAY_CHECK(dtype == at::kDouble || dtype == at::kFloat || dtype == at::kBFloat16, "weights of type {}",
                static_cast<int>(dtype));
  weights_ = at::zeros({layout_.total()}, at::TensorOptions(dtype).device(device));
}

ParameterStore::Leased ResidentParameters::acquire(ParameterUnit unit, LeaseOf of) {
  const auto views = [&](const at::Tensor& flat) { return layout_.unit_views(unit, {flat}, {flat}); };
  Leased leased;
  if (of != LeaseOf::kGradients) leased.weights = views(weights_);
  if (of != LeaseOf::kWeights) leased.gradients = views(flat_gradients());
  return leased;
}

at::Tensor ResidentParameters::flat_gradients() {
  if (!gradients_.defined()) {
    gradients_ =
        at::zeros(weights_.sizes(), weights_.options().dtype(ops::accumulation_type(weights_.scalar_type())));
  }
  return gradients_;
}

at::Tensor ResidentParameters::weight(const std::string& name) const {
  return layout_.view({weights_}, layout_.index_of(name));
}
at::Tensor ResidentParameters::gradient(const std::string& name) {
  return layout_.view({flat_gradients()}, layout_.index_of(name));
}

void ResidentParameters::set_weight(const std::string& name, const at::Tensor& values) {
  const at::Tensor own = weight(name);
  ROPEWAY_CHECK(values.sizes() == own.sizes(), "{} values for the {} of weight {}", values.numel(),
                own.numel(), name);
  own.copy_(values);
}

std::vector<NamedTensor> ResidentParameters::weights_on_host(bool wanted) {
  std::vector<NamedTensor> named;
  if (!wanted) return named;
  const at::Tensor memory = weights_.to(at::kCPU);  // the weights themselves, or a copy of what is on a GPU
  for (size_t i = 0; i < names().size(); ++i) {
    named.push_back({names()[i].name, layout_.view({memory}, i)});
  }
  return named;
}

FlatParameters ResidentParameters::flat_parameters() {
  return {weights_, flat_gradients(), layout_.decayed()};
}

std::unique_ptr<OptimizerShard> ResidentParameters::optimizer_shard(Collectives& exchange) {
  return std::make_unique<WholeParameters>(exchange, weights_, flat_gradients(), layout_.decayed());
}

// Flat arrays are in the order of the forward pass.
std::string ResidentParameters::non_finite_gradient() {
  const ops::NonFinite found = ops::find_non_finite(flat_gradients());
  return found.count == 0 ? "" : name_at(found.last);
}

// Of a store that keeps its weights in pieces; slow for those on a GPU.
uint64_t ParameterStore::fingerprint() {
  uint64_t of_all = 0;
  for (const NamedTensor& weight : weights_on_host(true)) {
    const uint64_t both[] = {of_all, ops::fingerprint(weight.tensor.contiguous())};
    of_all = ops::fingerprint(std::as_bytes(std::span(both)));
  }
  return of_all;
}

uint64_t ResidentParameters::fingerprint() { return ops::fingerprint(weights_); }

ParameterStore::Bytes ResidentParameters::bytes() const {
  return {static_cast<int64_t>(weights_.nbytes()),
          gradients_.defined() ? static_cast<int64_t>(gradients_.nbytes()) : 0};
}

}  // namespace ropeway
