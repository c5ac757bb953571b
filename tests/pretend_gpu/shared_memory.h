// Shared memory of a multiprocessor of the H100 in bytes (CUDA programming guide, compute capability 9.0).
#pragma once

namespace ropeway::pretend {

constexpr int kSharedMemory = 48 << 10;            // of a block
constexpr int kSharedMemoryOnRequest = 227 << 10;  // of a block whose kernel asked for it
constexpr int kSharedMemoryOfAll = 228 << 10;      // of all blocks at a time

}  // namespace ropeway::pretend
