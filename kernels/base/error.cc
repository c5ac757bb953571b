#include "kernels/base/error.h"

#include <algorithm>
#include <iterator>
#include <new>
#include <string_view>

namespace ropeway {

bool is_out_of_memory(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return true;
  const std::string_view text = error.what();
  constexpr std::string_view kWords[] = {
      "DefaultCPUAllocator: can't allocate memory",
      "CUDA out of memory",         // libtorch's allocator
      "CUDA error: out of memory",  // a call of CUDA that takes memory of its own, in libtorch
      "'out of memory'",            // the same, in NCCL
      "CUBLAS_STATUS_ALLOC_FAILED",
      "DEVICE_ALLOCATION_FAILED",  // cuDNN
  };
  return std::any_of(std::begin(kWords), std::end(kWords),
                     [text](std::string_view words) { return text.find(words) != std::string_view::npos; });
}

std::string first_line(const std::exception& error) {
  const std::string_view text = error.what();
  return std::string(text.substr(0, std::min(text.find('\n'), text.find(" Of the allocated memory"))));
}

}  // namespace ropeway

namespace ropeway::internal {

void check_failed(const char* file, int line, const char* condition, const std::string& message) {
  fail(ErrorKind::kInternal, "{}:{}: {} [{} is false]", file, line, message, condition);
}

}  // namespace ropeway::internal
