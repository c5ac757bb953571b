// Passes of the engine on the pretend GPU, on one rank or on a ring of thread-ranks that share it.
#pragma once

#include "tests/trainer/plan/cases.h"

namespace ropeway::testing {

struct GpuPass {
  ModelConfig config;
  PassShape shape;  // .length: local tokens
  EnginePlan plan{.dtype = DType::kBF16, .cuda = true};
};

// What one rank did in passes after the first: each with an optimizer's step where weights are trained.
struct GpuPassFigures {
  int64_t waits = 0;  // of the host, in one pass, of all ranks together
  // Bytes that were asked of the allocator, by what they were for; engine: the peak of all else.
  int64_t weights = 0, gradients = 0, optimizer = 0, engine = 0, checkpoints = 0;
};
GpuPassFigures run_gpu_pass(const GpuPass& pass);

}  // namespace ropeway::testing
