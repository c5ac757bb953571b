#include "kernels/base/error.h"

#include <new>
#include <string_view>

namespace ropeway {

bool is_out_of_memory(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return true;
  const std::string_view text = error.what();
  return text.find("DefaultCPUAllocator: can't allocate memory") != std::string_view::npos ||
         text.find("CUDA out of memory") != std::string_view::npos;
}

std::string first_line(const std::exception& error) {
  const std::string_view text = error.what();
  return std::string(text.substr(0, text.find('\n')));
}

}  // namespace ropeway

namespace ropeway::internal {

void check_failed(const char* file, int line, const char* condition, const std::string& message) {
  fail(ErrorKind::kInternal, "{}:{}: {} [{} is false]", file, line, message, condition);
}

}  // namespace ropeway::internal
