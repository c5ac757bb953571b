#include "trainer/model/resident_parameters.h"

#include <ATen/ops/zeros.h>

#include <algorithm>

#include "kernels/base/error.h"
#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/fingerprint.h"
#include "trainer/family/families.h"
#include "trainer/family/weight_names.h"

namespace ropeway {

namespace {

constexpr const char* kEmbedding = "model.embed_tokens.weight";

int64_t count_of(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return count;
}

}  // namespace

ResidentParameters::ResidentParameters(const ModelConfig& config, at::ScalarType dtype, at::Device device)
    : config_(config), names_(weight_names(config)) {
  ROPEWAY_CHECK(dtype == at::kDouble || dtype == at::kFloat || dtype == at::kBFloat16, "weights of type {}",
                static_cast<int>(dtype));
  int64_t total = 0;
  for (const NamedShape& named : names_) {
    indices_.emplace(named.name, offsets_.size());
    offsets_.push_back(total);
    total += count_of(named.shape);
  }
  for (int64_t layer = 0; layer < config.num_layers; ++layer) blocks_.push_back(find_block(layer));
  weights_ = at::zeros({total}, at::TensorOptions(dtype).device(device));
}

size_t ResidentParameters::index_of(const std::string& name) const {
  const auto found = indices_.find(name);
  ROPEWAY_CHECK(found != indices_.end(), "no weight is named '{}'", name);
  return found->second;
}

at::Tensor ResidentParameters::view(const at::Tensor& flat, size_t index) const {
  return flat.narrow(0, offsets_[index], count_of(names_[index].shape)).view(names_[index].shape);
}

ResidentParameters::BlockOffsets ResidentParameters::find_block(int64_t layer) const {
  const auto offset_of = [&](const char* part) -> int64_t {
    const auto found = indices_.find(fmt::format("model.layers.{}.{}", layer, part));
    return found == indices_.end() ? -1 : offsets_[found->second];
  };
  // q, k, v and gate, up follow each other, so the first one's place is that of all; a family that fuses them
  // has one name for the same memory.
  const auto either = [&](const char* fused, const char* first) {
    const int64_t offset = offset_of(fused);
    return offset >= 0 ? offset : offset_of(first);
  };
  const auto offset_of_norm = [&](std::string_view name) -> int64_t {
    return name.empty() ? -1 : offset_of((std::string(name) + ".weight").c_str());
  };
  const NormNames& norms = family_of(config_.model_type).norms;
  return {.qkv = either("self_attn.qkv_proj.weight", "self_attn.q_proj.weight"),
          .attention_out = offset_of("self_attn.o_proj.weight"),
          .gate_up = either("mlp.gate_up_proj.weight", "mlp.gate_proj.weight"),
          .down = offset_of("mlp.down_proj.weight"),
          .router = either("block_sparse_moe.gate.weight", "mlp.gate.weight"),
          .experts = either("block_sparse_moe.experts.0.w1.weight", "mlp.experts.0.gate_proj.weight"),
          .input_norm = offset_of_norm(norms.attention_in),
          .post_norm = offset_of_norm(norms.mlp_in),
          .attention_out_norm = offset_of_norm(norms.attention_out),
          .down_norm = offset_of_norm(norms.mlp_out),
          .q_norm = offset_of("self_attn.q_norm.weight"),
          .k_norm = offset_of("self_attn.k_norm.weight"),
          .qkv_bias = either("self_attn.qkv_proj.bias", "self_attn.q_proj.bias"),
          .attention_out_bias = offset_of("self_attn.o_proj.bias"),
          .gate_up_bias = either("mlp.gate_up_proj.bias", "mlp.gate_proj.bias"),
          .down_bias = offset_of("mlp.down_proj.bias")};
}

BlockTensors ResidentParameters::block_views(const at::Tensor& flat, int64_t layer) const {
  const int64_t c = config_.hidden_size, i = config_.intermediate_size, d = config_.head_dim;
  const int64_t queries = config_.num_heads * d, qkv = queries + 2 * config_.num_kv_heads * d;
  const auto vector = [&flat](int64_t offset, int64_t size) {
    return offset < 0 ? at::Tensor() : flat.narrow(0, offset, size);
  };
  const auto matrix = [&flat](int64_t offset, int64_t rows, int64_t columns) {
    return offset < 0 ? at::Tensor() : flat.narrow(0, offset, rows * columns).view({rows, columns});
  };
  const BlockOffsets& begin = blocks_[static_cast<size_t>(layer)];
  const bool whole = config_.whole_qk_norm;
  return {.qkv = matrix(begin.qkv, qkv, c),
          .attention_out = matrix(begin.attention_out, c, queries),
          .gate_up = matrix(begin.gate_up, 2 * i, c),
          .down = matrix(begin.down, c, i),
          .router = matrix(begin.router, config_.num_experts, c),
          .experts = matrix(begin.experts, config_.num_experts, 3 * i * c),
          .input_norm = vector(begin.input_norm, c),
          .post_norm = vector(begin.post_norm, c),
          .attention_out_norm = vector(begin.attention_out_norm, c),
          .down_norm = vector(begin.down_norm, c),
          .q_norm = vector(begin.q_norm, whole ? queries : d),
          .k_norm = vector(begin.k_norm, whole ? config_.num_kv_heads * d : d),
          .qkv_bias = vector(begin.qkv_bias, qkv),
          .attention_out_bias = vector(begin.attention_out_bias, c),
          .gate_up_bias = vector(begin.gate_up_bias, 2 * i),
          .down_bias = vector(begin.down_bias, c)};
}

UnitTensors ResidentParameters::unit_views(const at::Tensor& flat, ParameterUnit unit) const {
  UnitTensors tensors;
  switch (unit.kind) {
    case ParameterUnit::Kind::kEmbedding:
      tensors.embedding = view(flat, kEmbedding);
      break;
    case ParameterUnit::Kind::kBlock:
      tensors.block = block_views(flat, unit.layer);
      break;
    case ParameterUnit::Kind::kHead:
      tensors.final_norm = view(flat, "model.norm.weight");
      tensors.head = view(flat, config_.tie_word_embeddings ? kEmbedding : "lm_head.weight");
      break;
  }
  return tensors;
}

ParameterStore::Leased ResidentParameters::acquire(ParameterUnit unit, LeaseOf of) {
  Leased leased;
  if (of != LeaseOf::kGradients) leased.weights = unit_views(weights_, unit);
  if (of != LeaseOf::kWeights) leased.gradients = unit_views(flat_gradients(), unit);
  return leased;
}

at::Tensor ResidentParameters::flat_gradients() {
  if (!gradients_.defined()) {
    gradients_ =
        at::zeros(weights_.sizes(), weights_.options().dtype(ops::accumulation_type(weights_.scalar_type())));
  }
  return gradients_;
}

FlatRanges ResidentParameters::decayed_ranges() const {
  FlatRanges ranges;
  for (size_t i = 0; i < names_.size(); ++i) {
    if (names_[i].shape.size() == 1) continue;
    ranges.add({offsets_[i], offsets_[i] + count_of(names_[i].shape)});
  }
  return ranges;
}

at::Tensor ResidentParameters::weight(const std::string& name) const {
  return view(weights_, index_of(name));
}
at::Tensor ResidentParameters::gradient(const std::string& name) {
  return view(flat_gradients(), index_of(name));
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
  for (size_t i = 0; i < names_.size(); ++i) named.push_back({names_[i].name, view(memory, i)});
  return named;
}

FlatParameters ResidentParameters::flat_parameters() {
  return {weights_, flat_gradients(), decayed_ranges()};
}

const std::string& ResidentParameters::name_at(int64_t index) const {
  ROPEWAY_CHECK(0 <= index && index < weights_.numel(), "element {} of {}", index, weights_.numel());
  const auto after = std::upper_bound(offsets_.begin(), offsets_.end(), index);
  return names_[static_cast<size_t>(after - offsets_.begin() - 1)].name;
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
