#include "kernels/base/error.h"
#include "tests/fuzz/targets.h"

namespace ropeway::fuzz {

void run_target(const Target& target, std::span<const uint8_t> bytes) {
  try {
    target.run(bytes);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kInternal) throw;
  }
}

}  // namespace ropeway::fuzz
