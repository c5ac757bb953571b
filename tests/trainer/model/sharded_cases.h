// The proof that a sharded sequence is the same sequence: loss, gradients summed over ranks, and per-token
// losses of P ranks against the F64 oracle of one process. Shared by the thread-rank and the MPI tests.
#pragma once

#include <cmath>
#include <ostream>
#include <string>
#include <vector>

#include "tests/trainer/model/family_options.h"
#include "tests/trainer/model/model_case.h"

namespace ropeway::testing {

struct ShardedCase {
  std::string name;
  CaseOptions options;
  Placement placement = Placement::kZigzag;
  friend std::ostream& operator<<(std::ostream& out, const ShardedCase& c) { return out << c.name; }
};

inline std::vector<ShardedCase> sharded_cases() {
  const CaseOptions multi_head{.heads = 3, .kv_heads = 3, .length = 32};
  const CaseOptions grouped{.heads = 4, .kv_heads = 2, .length = 48, .start_tokens = 3};
  const CaseOptions multi_query{.heads = 4, .kv_heads = 1, .tied = true, .sequences = 1, .length = 64};
  const CaseOptions head_norms{
      .kv_heads = 1, .family = "qwen3", .qkv_bias = true, .output_bias = true, .qk_norm = true, .length = 32};
  const CaseOptions partial_rotary{.family = "phi3", .mlp_bias = true, .rotary_dim = 4, .length = 32};
  std::vector<ShardedCase> cases = {{"head_norms_and_biases_zigzag", head_norms, Placement::kZigzag},
                                    {"partial_rotary_zigzag", partial_rotary, Placement::kZigzag},
                                    {"multi_head_zigzag", multi_head, Placement::kZigzag},
                                    {"multi_head_contiguous", multi_head, Placement::kContiguous},
                                    {"grouped_query_zigzag", grouped, Placement::kZigzag},
                                    {"grouped_query_contiguous", grouped, Placement::kContiguous},
                                    {"multi_query_tied_zigzag", multi_query, Placement::kZigzag}};
  for (const FamilyOptions& family : family_options()) {
    cases.push_back({family.name + "_zigzag", family.options, Placement::kZigzag});
    cases.push_back({family.name + "_contiguous", family.options, Placement::kContiguous});
  }
  return cases;
}

struct ShardedErrors {
  double loss = 0, nll = 0, gradient = 0;  // relative
  WorstParameter worst;
};
inline ShardedErrors sharded_errors(const ModelCase& c, const EngineResult& summed) {
  const PlainResult truth = run_plain(c);
  return {std::abs(summed.loss - truth.loss) / truth.loss, relative_error(summed.nll, truth.nll),
          relative_error(summed.flat_gradients, truth.flat_gradients),
          worst_parameter(c.config, summed.flat_gradients, truth.flat_gradients)};
}

}  // namespace ropeway::testing
