// All weights of a model whose ranks hold a share each, for the rank that writes them to a file: gathered
// unit by unit in host memory, so that no rank ever holds more than its share and one unit.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "parallel/comm/communicator.h"
#include "parallel/zero/unit_shards.h"
#include "trainer/checkpoint/gathered_tensors.h"
#include "trainer/family/weight_names.h"

namespace ropeway {

class SharedWeights : public GatheredTensors {
 public:
  // own: ParameterStore::own_share() in host memory. names, shards: as the store's, which must outlive this,
  // as must the group, of the ranks that share.
  SharedWeights(Communicator& group, const std::vector<NamedShape>& names, const UnitShards& shards,
                at::Tensor own);

  std::vector<TensorStream> streams() override;
  void finish() override;

 private:
  struct Weight {
    const NamedShape* named;
    size_t unit;
    int64_t begin, count;  // elements of the flat array
  };
  void gather_next();
  void put(const Weight& weight, const PutBytes& put);

  Communicator& group_;
  const UnitShards& shards_;
  const at::Tensor own_;
  std::vector<Weight> weights_;   // in the order in which a file of one type has them: by name
  std::vector<size_t> sequence_;  // of the units that are gathered for that
  size_t next_ = 0;               // in the sequence
  at::Tensor memory_;             // of the unit before `next_`
};

}  // namespace ropeway
