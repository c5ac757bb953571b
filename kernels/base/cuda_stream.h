// The one CUDA type that interfaces of CUDA kernels name, declared without CUDA's headers: whoever calls a
// kernel compiles as plain C++. The same type as cudaStream_t.
#pragma once

struct CUstream_st;

namespace ropeway {

using CudaStream = CUstream_st*;

}  // namespace ropeway
