#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/targets.h"
#include "trainer/data/json_example.h"
#include "trainer/data/json_objects.h"
#include "trainer/data/json_text.h"
#include "trainer/data/megatron.h"
#include "trainer/data/npy.h"
#include "trainer/data/text_file.h"

namespace ropeway::fuzz {

void npy(std::span<const uint8_t> bytes) { find_npy_ids(text_of(bytes), "fuzz"); }

void megatron_index(std::span<const uint8_t> bytes) {
  const MemoryFile memory(bytes);
  read_megatron_index(memory.path(), 4096);
}

void json_lines(std::span<const uint8_t> bytes) {
  JsonLines lines;
  std::string buffer(text_of(bytes));
  lines.take(buffer, true, [](std::string_view object, int64_t) {
    const auto kind = record_kind(object);
    if (!kind) return;
    if (*kind == RecordKind::kText) {
      text_of_json(object, "fuzz");
    } else {
      example_of_json(object, *kind, "fuzz");
    }
  });
}

// Any text file: its kind is told by its content, packed ones are unpacked.
void text_file(std::span<const uint8_t> bytes) {
  const MemoryFile memory(bytes);
  TextFileLimits limits;
  limits.max_document_bytes = 1 << 20;
  limits.vocab_size = 1000;
  read_text_documents(memory.path(), limits,
                      {[](std::string_view, int64_t) {}, [](const Example&, int64_t) {}});
}

}  // namespace ropeway::fuzz
