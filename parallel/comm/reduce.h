// Element-wise reduction of host arrays: acc[i] = op(acc[i], other[i]). The one place where the communicators
// do arithmetic, so that all of them give the same bits for the same order of ranks.
#pragma once

#include <cstdint>

#include "kernels/base/dtype.h"

namespace ropeway {

enum class ReduceOp { kSum, kMax, kMin };

// F64, F32, I64, U8 (kInternal otherwise). kMax and kMin hand a NaN on: a rank that has one must not be
// outvoted. U8 sums wrap at 256. acc and other must not overlap.
void reduce_into(void* acc, const void* other, int64_t count, DType dtype, ReduceOp op);

}  // namespace ropeway
