// What must be the same on every rank, and who differs where it is not.
#pragma once

#include <string>
#include <vector>

#include "kernels/base/error.h"
#include "parallel/comm/communicator.h"

namespace ropeway {

struct Fact {
  std::string name, value;
};

// Collective. What differs, a line per fact: "NAME: ranks 0, 2: VALUE; rank 1: VALUE", the same text on every
// rank; "" where all agree. A fact that a rank does not have counts as `missing` there; an empty `missing`: the
// rank has no say in it.
std::string differences(Communicator& world, const std::vector<Fact>& facts, const std::string& missing);
// Collective. Throws `kind` unless all ranks bring the same facts: "the ranks of this job <what>:" and the
// differences, one below the other.
void require_agreement(Communicator& world, ErrorKind kind, const std::string& what,
                       const std::vector<Fact>& facts);

}  // namespace ropeway
