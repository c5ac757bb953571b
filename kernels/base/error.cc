#include "kernels/base/error.h"

#include <algorithm>
#include <iterator>
#include <new>

namespace ropeway {

namespace {

std::string first_line(std::string_view text) {
  return std::string(text.substr(0, std::min(text.find('\n'), text.find(" Of the allocated memory"))));
}

}  // namespace

bool says_out_of_memory(std::string_view text) {
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

Failure failure_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& e) {
    return {e.kind(), e.what(), first_line(e.what()), e.way_out()};
  } catch (const std::bad_alloc& e) {
    return {ErrorKind::kMemory, std::string("out of memory: ") + e.what(), e.what()};
  } catch (const std::exception& e) {
    const std::string cause = first_line(e.what());
    // libtorch's types are not known here.
    if (says_out_of_memory(e.what())) return {ErrorKind::kMemory, "out of memory: " + cause, cause};
    return {ErrorKind::kInternal, std::string("unexpected error: ") + e.what(), cause};
  } catch (...) {
    return {ErrorKind::kInternal, "unexpected error of unknown type", "an exception of unknown type"};
  }
}

}  // namespace ropeway

namespace ropeway::internal {

void check_failed(const char* file, int line, const char* condition, const std::string& message) {
  fail(ErrorKind::kInternal, "{}:{}: {} [{} is false]", file, line, message, condition);
}

}  // namespace ropeway::internal
