#include "kernels/base/error.h"

#include <algorithm>
#include <iterator>
#include <new>

namespace ropeway {

namespace {

std::string first_line(std::string_view text) {
  return std::string(text.substr(0, std::min(text.find('\n'), text.find(" Of the allocated memory"))));
}

// A message quotes a file in excerpts. Should one quote too much, what a person needs stands at both ends.
constexpr size_t kMaxLine = 2000, kKeptEnd = 200;

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

std::string bounded_line(std::string_view line) {
  if (line.size() <= kMaxLine) return std::string(line);
  size_t front = kMaxLine - kKeptEnd, back = line.size() - kKeptEnd;
  while (front > 0 && continues_character(line[front])) --front;
  while (back < line.size() && continues_character(line[back])) ++back;
  return fmt::format("{} ... {}", line.substr(0, front), line.substr(back));
}

std::string bounded(std::string_view text) {
  std::string lines;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (at > 0) lines += '\n';
    lines += bounded_line(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
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
    return {e.kind(), bounded(e.what()), bounded_line(first_line(e.what())), e.way_out()};
  } catch (const std::bad_alloc& e) {
    return {ErrorKind::kMemory, std::string("out of memory: ") + e.what(), e.what()};
  } catch (const std::exception& e) {
    const std::string cause = first_line(e.what());
    // libtorch's types are not known here.
    if (says_out_of_memory(e.what())) return {ErrorKind::kMemory, "out of memory: " + cause, cause};
    return {ErrorKind::kInternal, bounded(fmt::format("unexpected error: {}", e.what())), cause};
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
