// What a Communicator must do beside the verbs of Collectives (collectives_cases.h), written once: run on
// threads, on a world of one and under mpirun.
#pragma once

#include <iosfwd>
#include <vector>

#include "parallel/comm/communicator.h"

namespace ropeway::testing {

struct CommCase {
  const char* name;
  void (*run)(Communicator& comm);  // called by all ranks; reports through EXPECT_*
};
const std::vector<CommCase>& comm_cases();
std::ostream& operator<<(std::ostream& out, const CommCase& c);

}  // namespace ropeway::testing
