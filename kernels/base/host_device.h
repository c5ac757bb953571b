// Marks per-element maths that CPU and CUDA kernels share: a function of the host and of the device under
// nvcc, a plain inline function everywhere else. Always inlined on the CPU, so that it takes part in its
// caller's vector loop.
#pragma once

#if defined(__CUDACC__)
#define ROPEWAY_HOST_DEVICE __host__ __device__ __forceinline__
#else
#define ROPEWAY_HOST_DEVICE inline __attribute__((always_inline))
#endif
