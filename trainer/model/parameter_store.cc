#include "trainer/model/parameter_store.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "kernels/ops/accumulation_type.h"
#include "trainer/family/weight_names.h"
#include "trainer/formats/safetensors/safetensors_reader.h"

namespace ropeway {

namespace {

at::ScalarType scalar_type_of(DType dtype, const std::string& where) {
  switch (dtype) {
    case DType::kF64:
      return at::kDouble;
    case DType::kF32:
      return at::kFloat;
    case DType::kF16:
      return at::kHalf;
    case DType::kBF16:
      return at::kBFloat16;
    default:
      fail(ErrorKind::kBadData, "{}: weights of type {}, wanted F64, F32, F16 or BF16", where,
           name_of(dtype));
  }
}

DType dtype_of(at::ScalarType type) {
  if (type == at::kDouble) return DType::kF64;
  if (type == at::kFloat) return DType::kF32;
  ROPEWAY_CHECK(type == at::kBFloat16, "weights of an unknown type {}", static_cast<int>(type));
  return DType::kBF16;
}

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
  return {.input_norm = offset_of("input_layernorm.weight"),
          .qkv = either("self_attn.qkv_proj.weight", "self_attn.q_proj.weight"),
          .attention_out = offset_of("self_attn.o_proj.weight"),
          .post_norm = offset_of("post_attention_layernorm.weight"),
          .gate_up = either("mlp.gate_up_proj.weight", "mlp.gate_proj.weight"),
          .down = offset_of("mlp.down_proj.weight"),
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
    return flat.narrow(0, offset, rows * columns).view({rows, columns});
  };
  const BlockOffsets& begin = blocks_[static_cast<size_t>(layer)];
  return {.input_norm = vector(begin.input_norm, c),
          .qkv = matrix(begin.qkv, qkv, c),
          .attention_out = matrix(begin.attention_out, c, queries),
          .post_norm = vector(begin.post_norm, c),
          .gate_up = matrix(begin.gate_up, 2 * i, c),
          .down = matrix(begin.down, c, i),
          .q_norm = vector(begin.q_norm, d),
          .k_norm = vector(begin.k_norm, d),
          .qkv_bias = vector(begin.qkv_bias, qkv),
          .attention_out_bias = vector(begin.attention_out_bias, c),
          .gate_up_bias = vector(begin.gate_up_bias, 2 * i),
          .down_bias = vector(begin.down_bias, c)};
}

OuterTensors ResidentParameters::outer_views(const at::Tensor& flat) const {
  OuterTensors outer;
  outer.embedding = view(flat, index_of("model.embed_tokens.weight"));
  outer.final_norm = view(flat, index_of("model.norm.weight"));
  outer.head = config_.tie_word_embeddings ? outer.embedding : view(flat, index_of("lm_head.weight"));
  return outer;
}

BlockTensors ResidentParameters::acquire_block(int64_t layer) { return block_views(weights_, layer); }
void ResidentParameters::release_block(int64_t) {}
OuterTensors ResidentParameters::outer() { return outer_views(weights_); }
BlockTensors ResidentParameters::block_gradients(int64_t layer) {
  return block_views(flat_gradients(), layer);
}
OuterTensors ResidentParameters::outer_gradients() { return outer_views(flat_gradients()); }

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

void ResidentParameters::initialize(uint64_t seed) {
  const double range = config_.initializer_range;
  const double residual_range = range / std::sqrt(2.0 * static_cast<double>(config_.num_layers));
  for (size_t i = 0; i < names_.size(); ++i) {
    at::Tensor weight = view(weights_, i);
    const std::string& name = names_[i].name;
    if (names_[i].shape.size() == 1) {
      weight.fill_(name.ends_with(".bias") ? 0 : 1);
      continue;
    }
    const bool residual = name.ends_with("o_proj.weight") || name.ends_with("down_proj.weight");
    Philox draws(seed, Stream::kInit, i);
    at::Tensor values = at::empty(names_[i].shape, at::kDouble);
    double* v = values.data_ptr<double>();
    for (int64_t j = 0; j < values.numel(); ++j) v[j] = draws.normal() * (residual ? residual_range : range);
    weight.copy_(values);
  }
}

void ResidentParameters::load(const ModelDir& dir) {
  for (size_t i = 0; i < names_.size(); ++i) {
    const std::string& name = names_[i].name;
    const SafetensorsFile& shard = dir.shard_of(name);
    const TensorInfo& info = shard.tensors().at(name);
    const std::string where = shard.path().string() + ": " + name;
    if (info.shape != names_[i].shape) {
      fail(ErrorKind::kBadData, "{}: shape [{}], wanted [{}]", where, fmt::join(info.shape, ", "),
           fmt::join(names_[i].shape, ", "));
    }
    void* data = const_cast<std::byte*>(shard.data(name).data());  // only read from
    view(weights_, i).copy_(at::from_blob(data, info.shape, scalar_type_of(info.dtype, where)));
  }
}

ResidentParameters::WeightsToWrite ResidentParameters::weights_to_write() const {
  WeightsToWrite result{weights_.to(at::kCPU), {}};
  for (size_t i = 0; i < names_.size(); ++i) {
    result.tensors.push_back({names_[i].name, dtype_of(weights_.scalar_type()), names_[i].shape,
                              view(result.memory, i).const_data_ptr()});
  }
  return result;
}

}  // namespace ropeway
