// Marks per-element maths that CPU and CUDA kernels share: a function of the host and of the device under
// nvcc, a plain inline function everywhere else. Always inlined on the CPU, so that it takes part in
// its caller's vector loop.
#pragma once

#if defined(__CUDACC__)
#define ROPEWAY_HOST_DEVICE __host__ __device__ __forceinline__
// Before a loop of one or two turns in most calls: unrolled, it would only take registers, and with them
// warps that could wait for memory.
#define ROPEWAY_ROLLED _Pragma("unroll 1")
#else
#define ROPEWAY_ROLLED
#define ROPEWAY_HOST_DEVICE inline __attribute__((always_inline))
#endif
