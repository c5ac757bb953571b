// cos/sin tables by layer, kept between steps: while positions and factors stay the same, no sine is computed
// again. Layers with the same factors share a table. The least recently used tables are dropped when all
// together exceed a limit (per-layer factors at long lengths).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <list>
#include <vector>

#include "kernels/ops/rope_ops.h"
#include "parallel/layout/sequence_layout.h"
#include "trainer/plan/memory_model.h"
#include "trainer/rope/batch_factors.h"
#include "trainer/rope/factor_set.h"
#include "trainer/rope/rope_rates.h"

namespace ropeway {

struct RopeTables {
  at::Tensor cos, sin;  // [n, pairs], F64 for F64 activations, otherwise F32; rounded once from F64
  at::Tensor angles;    // [n, pairs] F64, 0 where a start token is not scaled; only when asked for
  at::Tensor scaled;    // [n] bool: the token uses factors and temperature; only when asked for
};

// The tables of one layer for a batch: one for each of its layout's rotary lists, or none in a layer without
// RoPE.
struct BatchRope {
  std::vector<RopeTables> by_list;

  bool turns() const { return !by_list.empty(); }

  const RopeTables& of(const SequenceLayout& layout, int64_t sequence) const {
    return by_list.at(layout.rotary_list_of(sequence));
  }
};

class RopeCache {
 public:
  // Tables are made and kept on the device of `options`; its dtype is that of cos and sin.
  RopeCache(int64_t pairs, at::TensorOptions options, int64_t limit_bytes = kRopeTableBytes);

  // The tables of one layer at these positions. with_angles: also what the factor gradient needs.
  RopeTables get(const FactorSet& set, int64_t layer, const std::vector<int64_t>& positions,
                 bool with_angles);
  // The same for all sequences of a batch; those with the same positions and factors share a table.
  BatchRope get(const BatchFactors& factors, int64_t layer, const SequenceLayout& layout, bool with_angles);

 private:
  struct Entry {
    std::vector<int64_t> positions;
    RopeRates rates;
    RopeTables tables;
  };
  static int64_t bytes_of(const Entry& entry);
  at::Tensor table(const std::vector<int64_t>& positions, at::TensorOptions options) const;
  at::Tensor on_device(const std::vector<int64_t>& positions) const;
  ops::RopeRateTensors on_device(const RopeRates& rates) const;

  int64_t pairs_;
  at::TensorOptions options_;
  int64_t limit_bytes_;
  std::list<Entry> entries_;  // most recently used first
};

}  // namespace ropeway
