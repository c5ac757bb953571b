#include "parallel/comm/reduce.h"

#include "kernels/base/error.h"

namespace ropeway {
namespace {

template <typename T, typename Op>
void apply(void* acc, const void* other, int64_t count, Op op) {
  auto* a = static_cast<T*>(acc);
  const auto* b = static_cast<const T*>(other);
  for (int64_t i = 0; i < count; ++i) a[i] = op(a[i], b[i]);
}

template <typename T>
void reduce_as(void* acc, const void* other, int64_t count, ReduceOp op) {
  // x != x is true for a NaN alone; for integers the compiler removes it.
  switch (op) {
    case ReduceOp::kSum:
      return apply<T>(acc, other, count, [](T x, T y) { return static_cast<T>(x + y); });
    case ReduceOp::kMax:
      return apply<T>(acc, other, count, [](T x, T y) { return x != x || x > y ? x : y; });
    case ReduceOp::kMin:
      return apply<T>(acc, other, count, [](T x, T y) { return x != x || x < y ? x : y; });
  }
}

}  // namespace

void reduce_into(void* acc, const void* other, int64_t count, DType dtype, ReduceOp op) {
  switch (dtype) {
    case DType::kF64:
      return reduce_as<double>(acc, other, count, op);
    case DType::kF32:
      return reduce_as<float>(acc, other, count, op);
    case DType::kI64:
      return reduce_as<int64_t>(acc, other, count, op);
    case DType::kU8:
      return reduce_as<uint8_t>(acc, other, count, op);
    default:
      fail(ErrorKind::kInternal, "all_reduce of {}: wanted F64, F32, I64 or U8", name_of(dtype));
  }
}

}  // namespace ropeway
