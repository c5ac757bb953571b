// Floating element types, as libtorch names them.
#pragma once

#include <c10/core/ScalarType.h>

#include <optional>

#include "kernels/base/dtype.h"

namespace ropeway {

// F64, F32, F16 and BF16; empty for integers.
std::optional<at::ScalarType> find_scalar_type(DType dtype);

// What models compute in: F32, BF16 or F64. Throws kInternal for another type.
at::ScalarType scalar_type_of(DType dtype);

}  // namespace ropeway
