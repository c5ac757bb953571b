#include "trainer/model/parameter_layout.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/family/families.h"

namespace ropeway {
namespace {

constexpr const char* kEmbedding = "model.embed_tokens.weight";
constexpr const char* kFinalNorm = "model.norm.weight";

int64_t count_of(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return count;
}

}  // namespace

ParameterLayout::ParameterLayout(const ModelConfig& config) : config_(config), names_(weight_names(config)) {
  for (const NamedShape& named : names_) {
    indices_.emplace(named.name, offsets_.size());
    offsets_.push_back(total_);
    total_ += count_of(named.shape);
  }
  for (int64_t layer = 0; layer < config.num_layers; ++layer) blocks_.push_back(find_block(layer));
  find_units();
}

// A unit ends where the next one's first weight begins.
void ParameterLayout::find_units() {
  std::vector<int64_t> begins = {0};
  for (int64_t layer = 0; layer < config_.num_layers; ++layer) {
    const std::string prefix = fmt::format("model.layers.{}.", layer);
    const auto first =
        std::ranges::find_if(names_, [&](const NamedShape& named) { return named.name.starts_with(prefix); });
    ROPEWAY_CHECK(first != names_.end(), "no weight is of block {}", layer);
    begins.push_back(offsets_[static_cast<size_t>(first - names_.begin())]);
  }
  begins.push_back(offsets_[index_of(kFinalNorm)]);
  begins.push_back(total_);
  for (size_t u = 0; u + 1 < begins.size(); ++u) units_.push_back({begins[u], begins[u + 1]});
}

size_t ParameterLayout::unit_index(ParameterUnit unit) const {
  switch (unit.kind) {
    case ParameterUnit::Kind::kEmbedding:
      return 0;
    case ParameterUnit::Kind::kBlock:
      ROPEWAY_CHECK(0 <= unit.layer && unit.layer < config_.num_layers, "block {} of {}", unit.layer,
                    config_.num_layers);
      return static_cast<size_t>(unit.layer) + 1;
    case ParameterUnit::Kind::kHead:
      break;
  }
  return units_.size() - 1;
}

size_t ParameterLayout::index_of(const std::string& name) const {
  const auto found = indices_.find(name);
  ROPEWAY_CHECK(found != indices_.end(), "no weight is named '{}'", name);
  return found->second;
}

FlatRange ParameterLayout::range(size_t index) const {
  return {offsets_[index], offsets_[index] + count_of(names_[index].shape)};
}

std::pair<size_t, size_t> ParameterLayout::weights_in(FlatRange unit) const {
  const auto place = [&](int64_t element) {
    return static_cast<size_t>(std::ranges::lower_bound(offsets_, element) - offsets_.begin());
  };
  return {place(unit.begin), place(unit.end)};
}

at::Tensor ParameterLayout::view(const Stretch& stretch, size_t index) const {
  const FlatRange range = this->range(index);
  return stretch.flat.narrow(0, range.begin - stretch.begin, range.size()).view(names_[index].shape);
}

const std::string& ParameterLayout::name_at(int64_t index) const {
  ROPEWAY_CHECK(0 <= index && index < total_, "element {} of {}", index, total_);
  const auto after = std::upper_bound(offsets_.begin(), offsets_.end(), index);
  return names_[static_cast<size_t>(after - offsets_.begin() - 1)].name;
}

FlatRanges ParameterLayout::decayed() const {
  FlatRanges ranges;
  for (size_t i = 0; i < names_.size(); ++i) {
    if (names_[i].shape.size() > 1) ranges.add(range(i));
  }
  return ranges;
}

ParameterLayout::BlockOffsets ParameterLayout::find_block(int64_t layer) const {
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

BlockTensors ParameterLayout::block_views(const Stretch& stretch, int64_t layer) const {
  const int64_t c = config_.hidden_size, i = config_.intermediate_size, d = config_.head_dim;
  const int64_t queries = config_.num_heads * d, qkv = queries + 2 * config_.num_kv_heads * d;
  const auto vector = [&stretch](int64_t offset, int64_t size) {
    return offset < 0 ? at::Tensor() : stretch.flat.narrow(0, offset - stretch.begin, size);
  };
  const auto matrix = [&vector](int64_t offset, int64_t rows, int64_t columns) {
    return offset < 0 ? at::Tensor() : vector(offset, rows * columns).view({rows, columns});
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

UnitTensors ParameterLayout::unit_views(ParameterUnit unit, const Stretch& own,
                                        const Stretch& embedding) const {
  UnitTensors tensors;
  switch (unit.kind) {
    case ParameterUnit::Kind::kEmbedding:
      tensors.embedding = view(own, index_of(kEmbedding));
      break;
    case ParameterUnit::Kind::kBlock:
      tensors.block = block_views(own, unit.layer);
      break;
    case ParameterUnit::Kind::kHead:
      tensors.final_norm = view(own, index_of(kFinalNorm));
      tensors.head = config_.tie_word_embeddings ? view(embedding, index_of(kEmbedding))
                                                 : view(own, index_of("lm_head.weight"));
      break;
  }
  return tensors;
}

}  // namespace ropeway
