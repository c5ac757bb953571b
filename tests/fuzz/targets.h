// What the fuzzers call: each target hands bytes to one reader of files that others wrote. A reader may take them or
// refuse them by throwing Error; any other exception, a crash, a leak, a second of time or 512 MB of memory is a fault.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace ropeway::fuzz {

// In tests/fuzz/readers, a file for each library, so that a fuzzer is built of no more than it needs.
using Reader = void(std::span<const uint8_t> bytes);
Reader safetensors_header, safetensors_file, hf_config, tokenizer, gguf, npy, megatron_index, json_lines,
    text_file, recipe, manifest, factor_file;

struct Target {
  const char* name;  // of the folder of its seeds too
  Reader* run;
};
const std::vector<Target>& targets();

// Runs it and takes an Error for an answer, unless that says that the program itself is wrong (kInternal).
void run_target(const Target& target, std::span<const uint8_t> bytes);

inline std::string_view text_of(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace ropeway::fuzz
