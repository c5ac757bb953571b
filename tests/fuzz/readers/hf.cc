#include "tests/fuzz/targets.h"
#include "trainer/files/strict_json.h"
#include "trainer/formats/hf/hf_config.h"

namespace ropeway::fuzz {

// config.json with its RoPE settings.
void hf_config(std::span<const uint8_t> bytes) { parse_hf_config(parse_strict_json(text_of(bytes), "fuzz")); }

}  // namespace ropeway::fuzz
