#include "trainer/formats/gguf/gguf_tensor_table.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/formats/safetensors/safetensors_header.h"

namespace ropeway {

GgufTableEntry read_gguf_table_entry(GgufCursor& cursor, int64_t index, const std::string& where) {
  GgufTableEntry entry;
  GgufTensor& tensor = entry.tensor;
  tensor.name = cursor.string(kMaxTensorNameBytes, fmt::format("name of tensor {}", index));
  check_tensor_name(tensor.name, where);
  const std::string what = fmt::format("tensor '{}'", tensor.name);
  const auto dims = cursor.take<uint32_t>(what);
  if (dims < 1 || dims > static_cast<uint32_t>(kMaxGgufDims)) {
    fail(ErrorKind::kBadData, "{}: {}: {} dimensions, wanted 1 to {}", where, what, dims, kMaxGgufDims);
  }
  int64_t elements = 1;
  for (uint32_t i = 0; i < dims; ++i) {
    const auto dim = cursor.take<uint64_t>(what);
    if (dim < 1 || dim > static_cast<uint64_t>(kMaxTensorDim)) {
      fail(ErrorKind::kBadData, "{}: {}: a dimension of {}, wanted 1 to 2^48", where, what, dim);
    }
    tensor.shape.insert(tensor.shape.begin(), static_cast<int64_t>(dim));
    if (__builtin_mul_overflow(elements, static_cast<int64_t>(dim), &elements)) {
      fail(ErrorKind::kBadData, "{}: {}: the number of elements overflows 63 bits", where, what);
    }
  }
  const auto id = cursor.take<uint32_t>(what);
  const GgmlLayout* layout = find_ggml_layout(id);
  if (layout == nullptr) {
    fail(ErrorKind::kBadData, "{}: {}: ggml type {} is not read; wanted one of {}", where, what, id,
         ggml_type_names());
  }
  tensor.type = layout->type;
  if (tensor.columns() % layout->block_elements != 0) {
    fail(ErrorKind::kBadData, "{}: {}: rows of {} elements, wanted a multiple of {}, the block of {}", where,
         what, tensor.columns(), layout->block_elements, layout->name);
  }
  if (__builtin_mul_overflow(elements / layout->block_elements, layout->block_bytes, &entry.bytes)) {
    fail(ErrorKind::kBadData, "{}: {}: its size in bytes overflows 63 bits", where, what);
  }
  const auto offset = cursor.take<uint64_t>(what);
  if (offset > static_cast<uint64_t>(INT64_MAX)) {
    fail(ErrorKind::kBadData, "{}: {}: offset {} is beyond any file", where, what, offset);
  }
  entry.offset = static_cast<int64_t>(offset);
  return entry;
}

void place_gguf_tensors(std::vector<GgufTableEntry>& entries, std::span<const std::byte> data,
                        int64_t alignment, const std::string& where) {
  std::vector<GgufTableEntry*> order;
  for (GgufTableEntry& entry : entries) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const GgufTableEntry* a, const GgufTableEntry* b) {
    return std::pair(a->offset, a->tensor.name) < std::pair(b->offset, b->tensor.name);
  });
  const auto size = static_cast<int64_t>(data.size());
  int64_t covered = 0;
  const GgufTableEntry* before = nullptr;
  for (GgufTableEntry* entry : order) {
    const std::string& name = entry->tensor.name;
    if (entry->offset % alignment != 0) {
      fail(ErrorKind::kBadData, "{}: tensor '{}': offset {} is not a multiple of the alignment, {}", where,
           name, entry->offset, alignment);
    }
    if (entry->offset > size || entry->bytes > size - entry->offset) {
      fail(ErrorKind::kBadData,
           "{}: tensor '{}': {} bytes at {} of the data section, which has {} (truncated?)", where, name,
           entry->bytes, entry->offset, size);
    }
    if (entry->offset < covered) {
      fail(ErrorKind::kBadData,
           "{}: tensors '{}' and '{}' overlap: the one ends at {}, the other begins at {}", where,
           before->tensor.name, name, covered, entry->offset);
    }
    if (entry->offset != gguf_round_up(covered, alignment)) {
      fail(ErrorKind::kBadData,
           "{}: a hole before tensor '{}': the data before it ends at {}, it begins at {}", where, name,
           covered, entry->offset);
    }
    entry->tensor.data = data.subspan(static_cast<size_t>(entry->offset), static_cast<size_t>(entry->bytes));
    covered = entry->offset + entry->bytes;
    before = entry;
  }
  if (size - covered >= alignment) {
    fail(ErrorKind::kBadData, "{}: {} bytes after the last tensor", where, size - covered);
  }
}

}  // namespace ropeway
