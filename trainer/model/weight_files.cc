#include "trainer/model/weight_files.h"

#include <ATen/ops/from_blob.h>

#include "kernels/base/error.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/formats/safetensors/non_finite.h"
#include "trainer/formats/safetensors/safetensors_reader.h"
#include "trainer/model/scalar_type.h"

namespace ropeway {
namespace {

DType dtype_of(at::ScalarType type) {
  if (type == at::kDouble) return DType::kF64;
  if (type == at::kFloat) return DType::kF32;
  ROPEWAY_CHECK(type == at::kBFloat16, "weights of an unknown type {}", static_cast<int>(type));
  return DType::kBF16;
}

}  // namespace

void load_weights(ParameterStore& store, const ModelDir& dir) {
  for (const NamedShape& wanted : store.names()) {
    const SafetensorsFile& shard = dir.shard_of(wanted.name);
    const TensorInfo& info = shard.tensors().at(wanted.name);
    const std::string where = shard.path().string() + ": " + wanted.name;
    if (info.shape != wanted.shape) {
      fail(ErrorKind::kBadData, "{}: shape [{}], wanted [{}]", where, fmt::join(info.shape, ", "),
           fmt::join(wanted.shape, ", "));
    }
    const auto type = find_scalar_type(info.dtype);
    if (!type) {
      fail(ErrorKind::kBadData, "{}: weights of type {}, wanted F64, F32, F16 or BF16", where,
           name_of(info.dtype));
    }
    void* data = const_cast<std::byte*>(shard.data(wanted.name).data());  // only read from
    const auto elements = static_cast<int64_t>(shard.data(wanted.name).size()) / bytes_of(info.dtype);
    if (const int64_t lost = count_non_finite(data, info.dtype, elements); lost > 0) {
      fail(ErrorKind::kNumerics,
           "{}: {} of {} weights are NaN or infinite: nothing can be computed with them", where, lost,
           elements);
    }
    store.set_weight(wanted.name, at::from_blob(data, info.shape, *type));
  }
}

std::vector<TensorToWrite> tensors_to_write(const std::vector<NamedTensor>& weights) {
  std::vector<TensorToWrite> entries;
  for (const auto& [name, tensor] : weights) {
    ROPEWAY_CHECK(tensor.is_cpu() && tensor.is_contiguous(), "weight {} must be contiguous, in host memory",
                  name);
    entries.push_back({name, dtype_of(tensor.scalar_type()), tensor.sizes().vec(), tensor.const_data_ptr()});
  }
  return entries;
}

}  // namespace ropeway
