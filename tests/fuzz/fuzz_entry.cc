// One target as libFuzzer wants it; the build names the reader.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ropeway::fuzz::run_target({"", ropeway::fuzz::ROPEWAY_FUZZ_READER}, {data, size});
  return 0;
}
