// That all ranks read the same model, texts and token caches, whatever folders their hosts show them.
#pragma once

#include "parallel/comm/communicator.h"
#include "trainer/stages/run_inputs.h"

namespace ropeway {

// Collective. Throws kBadData naming file, ranks and both values where files of the model, the texts (on ranks that
// have them: only rank 0 reads them) or the tokens of a cache differ. Compared are sizes and samples of the
// contents; with `whole` all bytes, each rank reading everything.
void require_same_inputs(const RunInputs& inputs, Communicator& world, bool whole);

}  // namespace ropeway
