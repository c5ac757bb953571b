#include "trainer/model/scalar_type.h"

#include "kernels/base/error.h"

namespace ropeway {

at::ScalarType scalar_type_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return at::kFloat;
    case DType::kBF16:
      return at::kBFloat16;
    case DType::kF64:
      return at::kDouble;
    default:
      fail(ErrorKind::kInternal, "models do not compute in {}", name_of(dtype));
  }
}

}  // namespace ropeway
