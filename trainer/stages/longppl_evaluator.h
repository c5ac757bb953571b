// LongPPL's key tokens as another model finds them.
#pragma once

#include <filesystem>
#include <functional>

#include "kernels/base/dtype.h"
#include "parallel/comm/mesh.h"
#include "parallel/layout/placement.h"
#include "trainer/benchmarks/longppl_eval.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {

class CudaJob;

struct LongPplEvaluator {
  std::filesystem::path model;  // a model folder, a run folder, or a checkpoint
  const Mesh& mesh;
  Placement placement = Placement::kZigzag;
  CudaJob* gpus = nullptr;  // null: in host memory
  DType dtype = DType::kF32;
  const Tokenizer& tokenizer;  // of the model that is evaluated
};
// BenchmarkInputs::find_keys; empty where there is no evaluator. A copy of `evaluator` is kept.
using FindKeyTokens = std::function<KeyTokensOfWindows(const std::vector<std::vector<int32_t>>& windows,
                                                       const LongPplOptions& options, const TellDone& tell)>;
FindKeyTokens longppl_evaluator(const LongPplEvaluator& evaluator);

// Collective. Under the factor sets of the evaluator's own for the windows' length. It is loaded beside the
// model that is evaluated, and gone afterwards. Throws kConfig where its tokenizer is another one.
KeyTokensOfWindows key_tokens_by(const LongPplEvaluator& evaluator,
                                 const std::vector<std::vector<int32_t>>& windows,
                                 const LongPplOptions& options, const TellDone& tell);

}  // namespace ropeway
