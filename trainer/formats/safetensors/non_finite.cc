#include "trainer/formats/safetensors/non_finite.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>

namespace ropeway {
namespace {

// An exponent of ones says it in every IEEE 754 format.
template <typename Bits>
int64_t count_with(const char* elements, int64_t count, Bits exponent) {
  int64_t found = 0;
  for (int64_t i = 0; i < count; ++i) {
    Bits bits;
    std::memcpy(&bits, elements + i * static_cast<int64_t>(sizeof bits), sizeof bits);
    found += (bits & exponent) == exponent;
  }
  return found;
}

}  // namespace

int64_t count_non_finite(const void* elements, DType dtype, int64_t count) {
  const char* const bytes = static_cast<const char*>(elements);
  switch (dtype) {
    case DType::kF64:
      return count_with<uint64_t>(bytes, count, 0x7ff0'0000'0000'0000);
    case DType::kF32:
      return count_with<uint32_t>(bytes, count, 0x7f80'0000);
    case DType::kF16:
      return count_with<uint16_t>(bytes, count, 0x7c00);
    case DType::kBF16:
      return count_with<uint16_t>(bytes, count, 0x7f80);
    default:
      return 0;
  }
}

CountedTensors::CountedTensors(const std::vector<TensorStream>& tensors)
    : tensors_(tensors), counts_(std::make_shared<std::vector<int64_t>>(tensors.size())) {
  for (size_t i = 0; i < tensors_.size(); ++i) {
    tensors_[i].produce = [counts = counts_, i, dtype = tensors_[i].dtype,
                           produce = tensors_[i].produce](const PutBytes& put) {
      int64_t count = 0;
      produce([&](const void* data, int64_t bytes) {
        count += count_non_finite(data, dtype, bytes / bytes_of(dtype));
        put(data, bytes);
      });
      (*counts)[i] = count;
    };
  }
}

std::vector<NonFiniteTensor> CountedTensors::non_finite() const {
  std::vector<NonFiniteTensor> found;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if ((*counts_)[i] > 0) found.push_back({tensors_[i].name, (*counts_)[i]});
  }
  return found;
}

std::vector<NonFiniteTensor> find_non_finite(const std::vector<TensorStream>& tensors) {
  const CountedTensors counted(tensors);
  for (const TensorStream& tensor : counted.tensors()) tensor.produce([](const void*, int64_t) {});
  return counted.non_finite();
}

std::string describe_non_finite(const std::vector<NonFiniteTensor>& tensors) {
  constexpr size_t kMaxListed = 10;
  std::vector<std::string> listed;
  for (size_t i = 0; i < std::min(tensors.size(), kMaxListed); ++i) {
    listed.push_back(
        fmt::format("{}: {} value{}", tensors[i].name, tensors[i].count, tensors[i].count == 1 ? "" : "s"));
  }
  if (tensors.size() > kMaxListed) listed.push_back(fmt::format("{} tensors in all", tensors.size()));
  return fmt::format("{}", fmt::join(listed, ", "));
}

}  // namespace ropeway
