// A group of one rank: every verb is a copy or nothing.
#pragma once

#include <memory>

#include "parallel/comm/communicator.h"

namespace ropeway {

std::unique_ptr<Communicator> make_world_of_one();

}  // namespace ropeway
