#include "tests/pretend_gpu/record.h"

#include <execinfo.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "tests/pretend_gpu/device_memory.h"
#include "tests/pretend_gpu/pretend_gpu.h"

namespace ropeway::pretend {
namespace {

// Written by whichever process used the device; a shell or mpirun that was merely started with the library
// leaves no report.
__attribute__((destructor)) void write_report() {
  const char* path = std::getenv("PRETEND_GPU_REPORT");
  const Counts all = counts();
  if (path == nullptr || all.launches + all.copies + all.device_peak == 0) return;
  if (FILE* file = std::fopen(path, "w")) {
    fmt::print(file,
               R"({{"launches": {}, "products": {}, "copies": {}, "waits": {}, "device_bytes": {}, )"
               R"("device_peak": {}, "pinned_bytes": {}, "pinned_peak": {}}})"
               "\n",
               all.launches, all.products, all.copies, all.waits, all.device_bytes, all.device_peak,
               all.pinned_bytes, all.pinned_peak);
    std::fclose(file);
  }
}

}  // namespace

Record& record() {
  static auto* all = new Record;  // never destroyed: used while the process ends
  return *all;
}

void complain(const std::string& what) {
  fmt::print(stderr, "pretend GPU: {}\n", what);
  std::fflush(stderr);
  void* frames[64];
  backtrace_symbols_fd(frames, backtrace(frames, 64), STDERR_FILENO);
  _exit(kComplaintExit);
}

int64_t setting(const char* name, int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoll(text);
}

Counts counts() {
  const MemoryUse memory = memory_use();
  return {record().launches, record().products,  record().copies, record().waits,
          memory.device,     memory.device_peak, memory.pinned,   memory.pinned_peak};
}

}  // namespace ropeway::pretend
