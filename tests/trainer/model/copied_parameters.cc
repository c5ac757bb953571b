#include "tests/trainer/model/copied_parameters.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <limits>

#include "kernels/base/error.h"

namespace ropeway::testing {
namespace {

std::string name_of(ParameterUnit unit) {
  switch (unit.kind) {
    case ParameterUnit::Kind::kEmbedding:
      return "embedding";
    case ParameterUnit::Kind::kBlock:
      return fmt::format("block {}", unit.layer);
    default:
      return "head";
  }
}

std::vector<at::Tensor*> all_of(UnitTensors& t) {
  return {&t.embedding,
          &t.block.input_norm,
          &t.block.qkv,
          &t.block.attention_out,
          &t.block.post_norm,
          &t.block.attention_out_norm,
          &t.block.down_norm,
          &t.block.gate_up,
          &t.block.down,
          &t.block.router,
          &t.block.experts,
          &t.block.q_norm,
          &t.block.k_norm,
          &t.block.qkv_bias,
          &t.block.attention_out_bias,
          &t.block.gate_up_bias,
          &t.block.down_bias,
          &t.final_norm,
          &t.head};
}

UnitTensors copy_of(UnitTensors tensors) {
  for (at::Tensor* tensor : all_of(tensors)) {
    if (tensor->defined()) *tensor = tensor->clone();
  }
  return tensors;
}

UnitTensors zeros_of(UnitTensors tensors) {
  for (at::Tensor* tensor : all_of(tensors)) {
    if (tensor->defined()) *tensor = at::zeros_like(*tensor);
  }
  return tensors;
}

void scramble(UnitTensors& tensors) {
  for (at::Tensor* tensor : all_of(tensors)) {
    if (tensor->defined()) tensor->fill_(std::numeric_limits<double>::quiet_NaN());
  }
}

// Bit for bit, NaN included.
bool same_bits(UnitTensors a, UnitTensors b) {
  const auto left = all_of(a), right = all_of(b);
  for (size_t i = 0; i < left.size(); ++i) {
    if (!left[i]->defined()) continue;
    const auto bytes = [](const at::Tensor& t) { return t.flatten().view(at::kByte); };
    if (!at::equal(bytes(*left[i]), bytes(*right[i]))) return false;
  }
  return true;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool CopiedParameters::is_tied_head(ParameterUnit unit) {
  return unit == ParameterUnit::head() &&
         home_.acquire(unit, LeaseOf::kWeights).weights.head.data_ptr() ==
             home_.acquire(ParameterUnit::embedding(), LeaseOf::kWeights).weights.embedding.data_ptr();
}

// Every pass begins with the embedding's weights.
void CopiedParameters::begin_pass() {
  ++passes_;
  for (const std::string& unit : owed_) complain(unit + ": its gradients were never reported done");
  if (tied_.defined()) complain("what a tied head added to the embedding's gradients was never leased again");
  owed_.clear();
  done_.clear();
  tied_ = at::Tensor();
}

ParameterStore::Leased CopiedParameters::acquire(ParameterUnit unit, LeaseOf of) {
  const Request request{unit, of};
  const std::string name = name_of(unit);
  if (open_) complain(fmt::format("{} is leased while {} is", name, name_of(open_->request.unit)));
  const bool begins = unit == ParameterUnit::embedding() && of == LeaseOf::kWeights;
  if (!expected_ && !begins) complain(name + " is leased unannounced");
  if (expected_ && *expected_ != request) {
    complain(fmt::format("{} is leased where {} was announced", name, name_of(expected_->unit)));
  }
  expected_.reset();
  if (begins) begin_pass();

  Open lease{.request = request, .handed = {}, .at_home = home_.acquire(unit, of), .when_done = {}};
  lease.handed.weights = copy_of(lease.at_home.weights);
  lease.handed.gradients = zeros_of(lease.at_home.gradients);
  if (of != LeaseOf::kWeights) {
    if (contains(done_, name) || contains(owed_, name)) {
      complain(name + ": its gradients are leased twice in a pass");
    }
    owed_.push_back(name);
    if (unit == ParameterUnit::embedding() && tied_.defined()) {
      lease.handed.gradients.embedding.copy_(tied_);
      tied_ = at::Tensor();
    }
  }
  open_ = lease;
  return lease.handed;
}

void CopiedParameters::gradients_done(ParameterUnit unit) {
  const std::string name = name_of(unit);
  if (!open_ || open_->request.unit != unit || open_->request.of == LeaseOf::kWeights) {
    return complain(name + ": gradients reported done without a lease of them");
  }
  if (open_->done) return complain(name + ": gradients reported done twice");
  open_->done = true;
  open_->when_done.gradients = copy_of(open_->handed.gradients);
  std::erase(owed_, name);
  done_.push_back(name);
  if (is_tied_head(unit)) {
    tied_ = open_->handed.gradients.head.clone();
    open_->at_home.gradients.head = at::Tensor();
  }
  const auto home = all_of(open_->at_home.gradients), handed = all_of(open_->handed.gradients);
  for (size_t i = 0; i < home.size(); ++i) {
    if (home[i]->defined()) home[i]->add_(*handed[i]);
  }
}

void CopiedParameters::release(ParameterUnit unit) {
  const std::string name = name_of(unit);
  if (!open_ || open_->request.unit != unit) return complain(name + " is released without a lease");
  if (!same_bits(open_->at_home.weights, open_->handed.weights)) {
    complain(name + ": somebody wrote to leased weights");
  }
  if (open_->done && !same_bits(open_->when_done.gradients, open_->handed.gradients)) {
    complain(name + ": something was added to gradients after they were reported done");
  }
  scramble(open_->handed.weights);
  scramble(open_->handed.gradients);
  open_.reset();
}

void CopiedParameters::expect(ParameterUnit unit, LeaseOf of) {
  if (!open_) complain(name_of(unit) + " is announced outside a lease");
  if (expected_) complain(name_of(unit) + " is announced after " + name_of(expected_->unit));
  expected_ = Request{unit, of};
}

std::vector<NamedTensor> CopiedParameters::weights_on_host(bool wanted) {
  std::vector<NamedTensor> weights = home_.weights_on_host(wanted);
  for (NamedTensor& weight : weights) weight.tensor = weight.tensor.clone();
  return weights;
}

std::vector<std::string> CopiedParameters::complaints() const {
  std::vector<std::string> all = complaints_;
  if (open_) all.push_back(name_of(open_->request.unit) + " was never released");
  if (expected_) all.push_back(name_of(expected_->unit) + " was announced and never leased");
  for (const std::string& unit : owed_) all.push_back(unit + ": its gradients were never reported done");
  if (tied_.defined()) all.push_back("what a tied head added was never leased with the embedding");
  return all;
}

}  // namespace ropeway::testing
