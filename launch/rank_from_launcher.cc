#include "launch/rank_from_launcher.h"

#include <cstdlib>
#include <initializer_list>

namespace ropeway {

int rank_from_launcher() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
    if (const char* value = std::getenv(name)) return std::atoi(value);
  }
  return 0;
}

}  // namespace ropeway
