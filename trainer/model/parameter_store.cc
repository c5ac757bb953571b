#include "trainer/model/parameter_store.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "kernels/ops/ops.h"

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

bool ends_with(const std::string& name, const std::string& ending) {
  return name.size() >= ending.size() &&
         name.compare(name.size() - ending.size(), ending.size(), ending) == 0;
}

std::string block_name(int64_t layer, const char* part) {
  return fmt::format("model.layers.{}.{}.weight", layer, part);
}

}  // namespace

ResidentParameters::ResidentParameters(const ModelConfig& config, at::ScalarType dtype)
    : config_(config), names_(weight_names(config)) {
  ROPEWAY_CHECK(dtype == at::kDouble || dtype == at::kFloat || dtype == at::kBFloat16, "weights of type {}",
                static_cast<int>(dtype));
  int64_t total = 0;
  for (const NamedShape& named : names_) {
    offsets_.push_back(total);
    total += count_of(named.shape);
  }
  weights_ = at::zeros({total}, dtype);
}

size_t ResidentParameters::index_of(const std::string& name) const {
  const auto found =
      std::find_if(names_.begin(), names_.end(), [&](const NamedShape& named) { return named.name == name; });
  ROPEWAY_CHECK(found != names_.end(), "no weight is named '{}'", name);
  return static_cast<size_t>(found - names_.begin());
}

at::Tensor ResidentParameters::view(const at::Tensor& flat, size_t index) const {
  return flat.narrow(0, offsets_[index], count_of(names_[index].shape)).view(names_[index].shape);
}

// Weights that follow each other in the flat array and share their second dimension, as one matrix.
at::Tensor ResidentParameters::fused_view(const at::Tensor& flat, size_t first, size_t count) const {
  const int64_t columns = names_[first].shape[1];
  int64_t rows = 0;
  for (size_t i = first; i < first + count; ++i) rows += names_[i].shape[0];
  return flat.narrow(0, offsets_[first], rows * columns).view({rows, columns});
}

BlockTensors ResidentParameters::block_views(const at::Tensor& flat, int64_t layer) const {
  const size_t q = index_of(block_name(layer, "self_attn.q_proj"));
  const size_t gate = index_of(block_name(layer, "mlp.gate_proj"));
  ROPEWAY_CHECK(names_[q + 1].name == block_name(layer, "self_attn.k_proj") &&
                    names_[q + 2].name == block_name(layer, "self_attn.v_proj") &&
                    names_[gate + 1].name == block_name(layer, "mlp.up_proj"),
                "q, k, v and gate, up must follow each other");
  BlockTensors block;
  block.input_norm = view(flat, index_of(block_name(layer, "input_layernorm")));
  block.qkv = fused_view(flat, q, 3);
  block.attention_out = view(flat, index_of(block_name(layer, "self_attn.o_proj")));
  block.post_norm = view(flat, index_of(block_name(layer, "post_attention_layernorm")));
  block.gate_up = fused_view(flat, gate, 2);
  block.down = view(flat, index_of(block_name(layer, "mlp.down_proj")));
  return block;
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
    gradients_ = at::zeros(weights_.sizes(), ops::accumulation_type(weights_.scalar_type()));
  }
  return gradients_;
}

at::Tensor ResidentParameters::weight_decay_mask() const {
  at::Tensor mask = at::ones(weights_.sizes(), at::kByte);
  for (size_t i = 0; i < names_.size(); ++i) {
    if (names_[i].shape.size() == 1) view(mask, i).zero_();
  }
  return mask;
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
    if (names_[i].shape.size() == 1) {
      weight.fill_(1);
      continue;
    }
    const bool residual =
        ends_with(names_[i].name, "o_proj.weight") || ends_with(names_[i].name, "down_proj.weight");
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

std::vector<TensorToWrite> ResidentParameters::tensors_to_write() const {
  std::vector<TensorToWrite> tensors;
  for (size_t i = 0; i < names_.size(); ++i) {
    tensors.push_back({names_[i].name, dtype_of(weights_.scalar_type()), names_[i].shape,
                       view(weights_, i).const_data_ptr()});
  }
  return tensors;
}

}  // namespace ropeway
