#include "trainer/model/scalar_type.h"

#include "kernels/base/error.h"

namespace ropeway {

std::optional<at::ScalarType> find_scalar_type(DType dtype) {
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
      return std::nullopt;
  }
}

at::ScalarType scalar_type_of(DType dtype) {
  const auto type = find_scalar_type(dtype);
  if (!type || *type == at::kHalf) {
    fail(ErrorKind::kInternal, "models do not compute in {}", name_of(dtype));
  }
  return *type;
}

}  // namespace ropeway
