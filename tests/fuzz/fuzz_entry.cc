// One target as libFuzzer wants it; the build names the target.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const ropeway::fuzz::Target& target = ropeway::fuzz::find_target(ROPEWAY_FUZZ_TARGET);
  ropeway::fuzz::run_target(target, {data, size});
  return 0;
}
