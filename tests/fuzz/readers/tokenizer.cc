#include "trainer/tokenizer/tokenizer.h"
#include "tests/fuzz/targets.h"
#include "trainer/tokenizer/load_tokenizer.h"

namespace ropeway::fuzz {

void tokenizer(std::span<const uint8_t> bytes) {
  const auto read = tokenizer_of_json(std::string(text_of(bytes)), "fuzz");
  const std::vector<int32_t> ids = read->encode("What is 2 + 2?\n\tÄ → 𝄞 <s> \u00a0x");
  (void)read->decode(ids);
}

}  // namespace ropeway::fuzz
