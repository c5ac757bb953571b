// The JSON header of a safetensors file, parsed straight into TensorInfo (a document tree of a hostile header
// would take many times its size). Inside this folder.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "trainer/formats/safetensors/safetensors_reader.h"

namespace ropeway {

inline constexpr int64_t kMaxSafetensorsHeaderBytes = 32 << 20;
inline constexpr int64_t kMaxSafetensorsTensors = 200'000;
inline constexpr int64_t kMaxTensorDims = 8;
inline constexpr int64_t kMaxTensorNameBytes = 512;
inline constexpr int64_t kMaxTensorDim = int64_t{1} << 48;

struct SafetensorsHeader {
  std::map<std::string, TensorInfo> tensors;
  std::map<std::string, std::string> metadata;
};
// Throws kBadData naming `where` and the tensor: JSON, names, types, limits, and shape x dtype = end - begin.
SafetensorsHeader parse_safetensors_header(std::string_view json, const std::string& where);

// Bytes of a tensor; throws kBadData when the product does not fit 63 bits.
int64_t checked_tensor_bytes(DType dtype, const std::vector<int64_t>& shape, const std::string& where,
                             const std::string& tensor);
// Throws kBadData unless it has 1 .. 512 bytes and no NUL.
void check_tensor_name(const std::string& name, const std::string& where);

}  // namespace ropeway
