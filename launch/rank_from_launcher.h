// This process's rank as its launcher tells it, without MPI; 0 without a launcher.
#pragma once

namespace ropeway {

int rank_from_launcher();
bool started_by_launcher();

}  // namespace ropeway
