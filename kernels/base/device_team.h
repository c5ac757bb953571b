// Teams of threads on a GPU, and the launch of a body on them. For .cu files only; team.h explains the idea.
#pragma once

#include <cuda_runtime.h>

#include "kernels/base/cuda_status.h"
#include "kernels/base/cuda_stream.h"
#include "kernels/base/team.h"

namespace ropeway {

// A variable of which every thread has its own is a plain variable here.
template <typename V>
struct OwnVariable {
  V value;
  __device__ V& operator[](int) { return value; }
  __device__ const V& operator[](int) const { return value; }
};

// The value of the lane whose number differs in the bits of `mask`, for values of any number of 32-bit words.
template <typename V>
__device__ V shuffle_xor(const V& value, int mask) {
  static_assert(sizeof(V) % 4 == 0);
  constexpr int kWords = sizeof(V) / 4;
  union {
    V value;
    int words[kWords];
  } mine{value}, other{value};
#pragma unroll
  for (int i = 0; i < kWords; ++i) other.words[i] = __shfl_xor_sync(0xffffffffu, mine.words[i], mask);
  return other.value;
}

template <typename V, typename Op>
__device__ V reduce_warp(V value, const Op& op) {
#pragma unroll
  for (int mask = kWarp / 2; mask > 0; mask /= 2) value = op(value, shuffle_xor(value, mask));
  return value;
}

extern __shared__ __align__(16) unsigned char shared_scratch[];

// All threads of a block.
class BlockTeam {
 public:
  template <typename V>
  using PerThread = OwnVariable<V>;

  __device__ int size() const { return static_cast<int>(blockDim.x); }
  __device__ int64_t index() const { return blockIdx.x; }
  __device__ int64_t count() const { return gridDim.x; }
  template <typename F>
  __device__ __forceinline__ void each(const F& f) const {
    f(static_cast<int>(threadIdx.x));
  }
  __device__ void sync() const { __syncthreads(); }
  template <typename V>
  __device__ V* scratch() const {
    return reinterpret_cast<V*>(shared_scratch);
  }

  template <typename V, typename Op>
  __device__ V reduce(const PerThread<V>& values, const Op& op) const {
    __shared__ V of_warp[kMaxBlockThreads / kWarp];
    const V mine = reduce_warp(values[0], op);
    __syncthreads();  // the results of an earlier reduction have been read
    if (threadIdx.x % kWarp == 0) of_warp[threadIdx.x / kWarp] = mine;
    __syncthreads();
    V total = of_warp[0];
    for (int warp = 1; warp < size() / kWarp; ++warp) total = op(total, of_warp[warp]);
    return total;
  }
};

// The 32 threads of a warp, several of which share a block.
class WarpTeam {
 public:
  template <typename V>
  using PerThread = OwnVariable<V>;

  __device__ explicit WarpTeam(int64_t scratch_bytes)
      : scratch_(shared_scratch + (threadIdx.x / kWarp) * scratch_bytes) {}
  __device__ int size() const { return kWarp; }
  __device__ int64_t index() const {
    return static_cast<int64_t>(blockIdx.x) * (blockDim.x / kWarp) + threadIdx.x / kWarp;
  }
  __device__ int64_t count() const { return static_cast<int64_t>(gridDim.x) * (blockDim.x / kWarp); }
  template <typename F>
  __device__ __forceinline__ void each(const F& f) const {
    f(static_cast<int>(threadIdx.x % kWarp));
  }
  __device__ void sync() const { __syncwarp(); }
  template <typename V>
  __device__ V* scratch() const {
    return reinterpret_cast<V*>(scratch_);
  }
  template <typename V, typename Op>
  __device__ V reduce(const PerThread<V>& values, const Op& op) const {
    return reduce_warp(values[0], op);
  }

 private:
  unsigned char* scratch_;
};

template <typename Body>
__global__ void __launch_bounds__(kMaxBlockThreads) run_on_blocks(const Body body) {
  BlockTeam team;
  body(team);
}

template <typename Body>
__global__ void __launch_bounds__(ItemTiles::kThreads) run_on_warps(const Body body, int64_t scratch_bytes) {
  WarpTeam team(scratch_bytes);
  body(team);
}

// Launches on one stream; returns before the kernel ends.
class CudaLauncher {
 public:
  explicit CudaLauncher(CudaStream stream) : stream_(stream) {}

  template <typename Body>
  void blocks(const char* name, const Body& body, int64_t teams, int threads, int64_t scratch_bytes) const {
    if (teams == 0) return;
    allow_scratch(name, run_on_blocks<Body>, scratch_bytes);
    run_on_blocks<<<static_cast<unsigned>(teams), threads, scratch_bytes, stream_>>>(body);
    cuda::check_launch(name);
  }

  // Eight warps per block; the last block's spare warps find no work (index() >= what the body counts).
  template <typename Body>
  void warps(const char* name, const Body& body, int64_t teams, int64_t scratch_bytes) const {
    if (teams == 0) return;
    constexpr int kWarpsPerBlock = ItemTiles::kThreads / kWarp;
    const int64_t blocks = (teams + kWarpsPerBlock - 1) / kWarpsPerBlock;
    allow_scratch(name, run_on_warps<Body>, scratch_bytes * kWarpsPerBlock);
    run_on_warps<<<static_cast<unsigned>(blocks), ItemTiles::kThreads, scratch_bytes * kWarpsPerBlock,
                   stream_>>>(body, scratch_bytes);
    cuda::check_launch(name);
  }

 private:
  // A block has 48 KiB of shared memory unless more is asked for. What reductions declare counts, too: 12,288
  // sums of 4 bytes are 48 KiB to the byte, and such a launch would be refused.
  template <typename Kernel>
  static void allow_scratch(const char* name, Kernel* kernel, int64_t bytes) {
    if (bytes <= 32 * 1024) return;
    cuda::check_status(name, cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                  static_cast<int>(bytes)));
  }

  CudaStream stream_;
};

}  // namespace ropeway
