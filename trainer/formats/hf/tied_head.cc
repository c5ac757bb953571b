#include "trainer/formats/hf/tied_head.h"

#include <algorithm>
#include <cstring>

#include "kernels/base/log.h"
#include "trainer/formats/safetensors/convert_elements.h"

namespace ropeway {
namespace {

constexpr int64_t kPieceElements = 1 << 16;

SafetensorsFile* shard_with(ModelDir& model, const char* name) {
  for (SafetensorsFile& shard : model.shards) {
    if (shard.tensors().contains(name)) return &shard;
  }
  return nullptr;
}

bool is_float(DType dtype) {
  return dtype == DType::kF64 || dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

// Of different types: as F32.
bool same_values(const TensorInfo& a, const std::byte* a_data, const TensorInfo& b, const std::byte* b_data) {
  if (a.shape != b.shape) return false;
  if (a.dtype == b.dtype) return std::memcmp(a_data, b_data, static_cast<size_t>(a.end - a.begin)) == 0;
  if (!is_float(a.dtype) || !is_float(b.dtype)) return false;
  const int64_t count = (a.end - a.begin) / bytes_of(a.dtype);
  std::vector<float> a_piece(kPieceElements), b_piece(kPieceElements);
  for (int64_t at = 0; at < count; at += kPieceElements) {
    const int64_t size = std::min(kPieceElements, count - at);
    convert_elements(a_data + at * bytes_of(a.dtype), a.dtype, a_piece.data(), DType::kF32, size);
    convert_elements(b_data + at * bytes_of(b.dtype), b.dtype, b_piece.data(), DType::kF32, size);
    if (!std::equal(a_piece.begin(), a_piece.begin() + size, b_piece.begin())) return false;
  }
  return true;
}

}  // namespace

void resolve_tied_head(ModelDir& model) {
  SafetensorsFile* const head = model.config.tie_word_embeddings ? shard_with(model, kHeadWeight) : nullptr;
  if (head == nullptr) return;
  const SafetensorsFile* const embedding = shard_with(model, kEmbeddingWeight);
  if (embedding == nullptr) {
    head->rename(kHeadWeight, kEmbeddingWeight);
    return;
  }
  if (same_values(head->tensors().at(kHeadWeight), head->data(kHeadWeight).data(),
                  embedding->tensors().at(kEmbeddingWeight), embedding->data(kEmbeddingWeight).data())) {
    return;
  }
  model.config.tie_word_embeddings = false;
  log_warning(
      "{}: config.json ties the head to the embedding, but {} and {} differ: the head is kept, and is not "
      "tied",
      model.path.string(), kHeadWeight, kEmbeddingWeight);
}

}  // namespace ropeway
