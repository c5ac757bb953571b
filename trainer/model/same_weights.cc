#include "trainer/model/same_weights.h"

#include "parallel/comm/agreement.h"
#include "trainer/model/parameter_store.h"

namespace ropeway {

void require_same_weights(Communicator& world, ParameterStore& parameters, ErrorKind kind,
                          const std::string& when) {
  if (world.size() == 1 || !parameters.replicated()) return;
  const std::string found = differences(
      world, {{"weights", fmt::format("fingerprint {:016x}", parameters.fingerprint())}}, "nothing");
  if (!found.empty()) fail(kind, "{}: the ranks hold different weights: {}", when, found);
}

}  // namespace ropeway
