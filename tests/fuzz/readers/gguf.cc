#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/targets.h"
#include "trainer/formats/gguf/gguf_config.h"
#include "trainer/formats/gguf/gguf_file.h"

namespace ropeway::fuzz {

void gguf(std::span<const uint8_t> bytes) {
  const MemoryFile memory(bytes);
  const GgufFile file = GgufFile::open(memory.path());
  (void)read_gguf_config(file);
}

}  // namespace ropeway::fuzz
