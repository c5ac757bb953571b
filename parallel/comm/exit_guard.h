// Internal to comm/: what happens when a rank calls exit() in the middle of its work, as a library may. The other
// ranks would wait for ever, or, under MPICH's mpirun and with code 0, the job would look like a success: so the
// rank says where it was and ends the whole job with kInternal.
#pragma once

#include <string>

namespace ropeway::internal {

void guard_against_exit(int rank, const std::string& host);  // of this process; not of its children
void release_exit_guard();                                   // from here on exit() is an end like others

}  // namespace ropeway::internal
