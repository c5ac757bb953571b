#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/targets.h"
#include "trainer/config/recipe_parser.h"

namespace ropeway::fuzz {

void recipe(std::span<const uint8_t> bytes) {
  const MemoryFile memory(bytes);
  parse_recipe(memory.path());
}

}  // namespace ropeway::fuzz
