// What the fuzzers call: each target hands bytes to one reader of files that others wrote. A reader may take them or
// refuse them by throwing Error; any other exception, a crash, a leak, a second of time or 512 MB of memory is a fault.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ropeway::fuzz {

struct Target {
  const char* name;  // of the folder of its seeds too
  void (*run)(std::span<const uint8_t> bytes);
};
const std::vector<Target>& targets();
const Target& find_target(const std::string& name);  // throws std::out_of_range

// Runs it and takes an Error for an answer, unless that says that the program itself is wrong (kInternal).
void run_target(const Target& target, std::span<const uint8_t> bytes);

}  // namespace ropeway::fuzz
