#include "tests/fuzz/targets.h"
#include "trainer/checkpoint/checkpoint_manifest.h"

namespace ropeway::fuzz {

void manifest(std::span<const uint8_t> bytes) { manifest_from_json(std::string(text_of(bytes)), "fuzz"); }

}  // namespace ropeway::fuzz
