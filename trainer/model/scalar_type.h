// The element types of models, as libtorch names them.
#pragma once

#include <c10/core/ScalarType.h>

#include "kernels/base/dtype.h"

namespace ropeway {

at::ScalarType scalar_type_of(DType dtype);  // F32, BF16 or F64

}  // namespace ropeway
