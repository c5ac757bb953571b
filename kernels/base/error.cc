#include "kernels/base/error.h"

namespace ropeway::internal {

void check_failed(const char* file, int line, const char* condition, const std::string& message) {
  fail(ErrorKind::kInternal, "{}:{}: {} [{} is false]", file, line, message, condition);
}

}  // namespace ropeway::internal
