#include "tests/fuzz/targets.h"
#include "trainer/rope/factor_file.h"

namespace ropeway::fuzz {

void factor_file(std::span<const uint8_t> bytes) {
  factor_sets_from_json(std::string(text_of(bytes)), "fuzz");
}

}  // namespace ropeway::fuzz
