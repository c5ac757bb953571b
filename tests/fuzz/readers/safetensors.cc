#include <stdexcept>

#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/targets.h"
#include "trainer/formats/safetensors/safetensors_header.h"
#include "trainer/formats/safetensors/safetensors_reader.h"

namespace ropeway::fuzz {

void safetensors_header(std::span<const uint8_t> bytes) { parse_safetensors_header(text_of(bytes), "fuzz"); }

void safetensors_file(std::span<const uint8_t> bytes) {
  const MemoryFile memory(bytes);
  const SafetensorsFile file = SafetensorsFile::open(memory.path());
  for (const auto& [name, info] : file.tensors()) {
    if (static_cast<int64_t>(file.data(name).size()) != info.end - info.begin)
      throw std::logic_error("a tensor of another size than its range");
  }
}

}  // namespace ropeway::fuzz
