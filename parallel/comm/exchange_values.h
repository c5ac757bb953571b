// Single numbers, flags, strings and lists exchanged between the ranks of a group. Every function is
// collective; nothing here knows which communicator it runs on.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "parallel/comm/communicator.h"

namespace ropeway {

void all_reduce_sum(Communicator& comm, std::span<double> values);  // element by element, in place
double all_reduce_sum(Communicator& comm, double value);
bool any_rank(Communicator& comm, bool value);  // true on every rank if it is true on one
std::string broadcast_string(Communicator& comm, std::string value, int root = 0);
// Every rank's string in rank order (lengths may differ), on every rank.
std::vector<std::string> all_gather_strings(Communicator& comm, const std::string& value);

}  // namespace ropeway
