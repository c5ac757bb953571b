// What a kernel's machine code says of it: nvcc writes it into sections of the ELF file in a "fat binary"
// (the formats as cuobjdump shows them). Only code that is not compressed is read: this program's, not
// libtorch's.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace ropeway::pretend {

struct KernelCode {
  std::vector<size_t> parameters;  // bytes of each, in the order of the call
  unsigned max_threads = 0;        // of a block, as __launch_bounds__ has it; 0: not said
  size_t shared = 0;               // bytes beside what a launch asks for
};

// By name, of all code for any device in what __cudaRegisterFatBinary is given.
std::map<std::string, KernelCode> kernels_in(const void* fat_binary);

}  // namespace ropeway::pretend
