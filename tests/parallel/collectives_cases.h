// What every implementation of Collectives must do, written once: run on one rank, on threads, under mpirun, on
// the doubles of NCCL and CUDA, and on GPUs where there are any.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <vector>

#include "parallel/comm/collectives.h"

namespace ropeway::testing {

// Where the buffers of a case lie: host memory, unless a test says otherwise.
class CaseMemory {
 public:
  virtual ~CaseMemory() = default;
  virtual std::shared_ptr<void> allocate(int64_t bytes);
  // Return when the bytes are there; to or from is what allocate() gave.
  virtual void put(void* to, const void* from, int64_t bytes);
  virtual void get(void* to, const void* from, int64_t bytes);
};

struct CollectivesCase {
  const char* name;
  void (*run)(Collectives& group, CaseMemory& memory);  // called by all ranks; reports through EXPECT_*
  bool of_host = false;  // device memory does not promise it: sums in rank order, NaNs handed on
};
const std::vector<CollectivesCase>& collectives_cases();
std::ostream& operator<<(std::ostream& out, const CollectivesCase& c);

// Bytes that tell who sent them to whom, and which message they are.
std::vector<uint8_t> byte_pattern(int from, int to, int message, int64_t bytes);

}  // namespace ropeway::testing
