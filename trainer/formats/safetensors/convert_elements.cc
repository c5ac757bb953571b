#include "trainer/formats/safetensors/convert_elements.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/base/error.h"
#include "kernels/base/float16.h"
#include "trainer/formats/safetensors/safetensors_reader.h"

namespace ropeway {
namespace {

constexpr int64_t kPieceElements = 1 << 18;

template <typename From, typename To>
int64_t convert(const char* in, char* out, int64_t count) {
  int64_t first_lost = -1;
  for (int64_t i = 0; i < count; ++i) {
    From value;
    std::memcpy(&value, in + i * static_cast<int64_t>(sizeof value), sizeof value);
    const auto number = static_cast<float>(value);
    const To converted(number);
    std::memcpy(out + i * static_cast<int64_t>(sizeof converted), &converted, sizeof converted);
    const bool lost =
        !std::isfinite(static_cast<float>(converted)) && std::isfinite(static_cast<double>(value));
    if (lost && first_lost < 0) first_lost = i;
  }
  return first_lost;
}

template <typename From>
int64_t convert_from(const char* in, char* out, DType to, int64_t count) {
  switch (to) {
    case DType::kF32:
      return convert<From, float>(in, out, count);
    case DType::kF16:
      return convert<From, float16>(in, out, count);
    case DType::kBF16:
      return convert<From, bfloat16>(in, out, count);
    default:
      fail(ErrorKind::kInternal, "conversion to {}", name_of(to));
  }
}

}  // namespace

int64_t convert_elements(const void* in, DType from, void* out, DType to, int64_t count) {
  const char* source = static_cast<const char*>(in);
  char* target = static_cast<char*>(out);
  if (from == to) {
    std::memcpy(target, source, static_cast<size_t>(count * bytes_of(from)));
    return -1;
  }
  switch (from) {
    case DType::kF64:
      return convert_from<double>(source, target, to, count);
    case DType::kF32:
      return convert_from<float>(source, target, to, count);
    case DType::kF16:
      return convert_from<float16>(source, target, to, count);
    case DType::kBF16:
      return convert_from<bfloat16>(source, target, to, count);
    default:
      fail(ErrorKind::kInternal, "conversion from {}", name_of(from));
  }
}

double element_value(const void* in, DType dtype) {
  if (dtype == DType::kF64) {
    double value;
    std::memcpy(&value, in, sizeof value);
    return value;
  }
  float value;
  convert_elements(in, dtype, &value, DType::kF32, 1);
  return value;
}

TensorStream converted_tensor(const SafetensorsFile& file, const std::string& name, DType dtype) {
  const TensorInfo& info = file.tensors().at(name);
  const auto bytes = file.data(name);
  const auto produce = [&file, &info, name, bytes, dtype](const PutBytes& put) {
    if (info.dtype == dtype) {
      put(bytes.data(), static_cast<int64_t>(bytes.size()));
      return;
    }
    const int64_t width = bytes_of(info.dtype), count = static_cast<int64_t>(bytes.size()) / width;
    std::vector<std::byte> piece(static_cast<size_t>(std::min(count, kPieceElements) * bytes_of(dtype)));
    for (int64_t begin = 0; begin < count; begin += kPieceElements) {
      const int64_t size = std::min(kPieceElements, count - begin);
      const std::byte* from = bytes.data() + begin * width;
      const int64_t lost = convert_elements(from, info.dtype, piece.data(), dtype, size);
      if (lost >= 0) {
        fail(ErrorKind::kBadData, "{}: tensor '{}': element {} is {:.6g}, beyond the range of {}{}",
             file.path().string(), name, begin + lost, element_value(from + lost * width, info.dtype),
             name_of(dtype), dtype == DType::kF16 ? " (65504); bf16 has the range of F32" : "");
      }
      put(piece.data(), size * bytes_of(dtype));
    }
  };
  return {name, dtype, info.shape, produce};
}

}  // namespace ropeway
