#include "tests/fuzz/targets.h"

#include <stdexcept>
#include <string_view>

#include "kernels/base/error.h"
#include "tests/fuzz/memory_file.h"
#include "trainer/checkpoint/checkpoint_manifest.h"
#include "trainer/config/recipe_parser.h"
#include "trainer/data/json_example.h"
#include "trainer/data/json_objects.h"
#include "trainer/data/json_text.h"
#include "trainer/data/megatron.h"
#include "trainer/data/npy.h"
#include "trainer/data/text_file.h"
#include "trainer/files/strict_json.h"
#include "trainer/formats/gguf/gguf_config.h"
#include "trainer/formats/gguf/gguf_file.h"
#include "trainer/formats/hf/hf_config.h"
#include "trainer/formats/safetensors/safetensors_header.h"
#include "trainer/formats/safetensors/safetensors_reader.h"
#include "trainer/rope/factor_file.h"
#include "trainer/tokenizer/load_tokenizer.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway::fuzz {
namespace {

std::string_view text_of(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void safetensors_header(std::span<const uint8_t> bytes) { parse_safetensors_header(text_of(bytes), "fuzz"); }

void safetensors_file(std::span<const uint8_t> bytes) {
  const MemoryFile memory(bytes);
  const SafetensorsFile file = SafetensorsFile::open(memory.path());
  for (const auto& [name, info] : file.tensors()) {
    if (static_cast<int64_t>(file.data(name).size()) != info.end - info.begin)
      throw std::logic_error("a tensor of another size than its range");
  }
}

// config.json with its RoPE settings.
void hf_config(std::span<const uint8_t> bytes) { parse_hf_config(parse_strict_json(text_of(bytes), "fuzz")); }

void tokenizer(std::span<const uint8_t> bytes) {
  const auto read = tokenizer_of_json(std::string(text_of(bytes)), "fuzz");
  const std::vector<int32_t> ids = read->encode("What is 2 + 2?\n\tÄ → 𝄞 <s> \u00a0x");
  (void)read->decode(ids);
}

void gguf(std::span<const uint8_t> bytes) {
  const MemoryFile memory(bytes);
  const GgufFile file = GgufFile::open(memory.path());
  (void)read_gguf_config(file);
}

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

void recipe(std::span<const uint8_t> bytes) {
  const MemoryFile memory(bytes);
  parse_recipe(memory.path());
}

void manifest(std::span<const uint8_t> bytes) { manifest_from_json(std::string(text_of(bytes)), "fuzz"); }

void factor_file(std::span<const uint8_t> bytes) {
  factor_sets_from_json(std::string(text_of(bytes)), "fuzz");
}

}  // namespace

const std::vector<Target>& targets() {
  static const std::vector<Target> all = {
      {"safetensors_header", safetensors_header},
      {"safetensors_file", safetensors_file},
      {"hf_config", hf_config},
      {"tokenizer", tokenizer},
      {"gguf", gguf},
      {"npy", npy},
      {"megatron_index", megatron_index},
      {"json_lines", json_lines},
      {"text_file", text_file},
      {"recipe", recipe},
      {"manifest", manifest},
      {"factor_file", factor_file},
  };
  return all;
}

const Target& find_target(const std::string& name) {
  for (const Target& target : targets()) {
    if (name == target.name) return target;
  }
  throw std::out_of_range("no fuzz target is called " + name);
}

void run_target(const Target& target, std::span<const uint8_t> bytes) {
  try {
    target.run(bytes);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kInternal) throw;
  }
}

}  // namespace ropeway::fuzz
