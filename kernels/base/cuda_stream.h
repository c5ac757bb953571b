// The one CUDA type in the interfaces of CUDA kernels, declared without CUDA's headers, so that their callers
// compile as plain C++. The same type as cudaStream_t.
#pragma once

struct CUstream_st;

namespace ropeway {

using CudaStream = CUstream_st*;

}  // namespace ropeway
