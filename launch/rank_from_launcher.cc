#include "launch/rank_from_launcher.h"

#include <cstdlib>
#include <initializer_list>

namespace ropeway {
namespace {

const char* rank_variable() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
    if (const char* value = std::getenv(name)) return value;
  }
  return nullptr;
}

}  // namespace

int rank_from_launcher() {
  const char* const rank = rank_variable();
  return rank == nullptr ? 0 : std::atoi(rank);
}

bool started_by_launcher() { return rank_variable() != nullptr; }

}  // namespace ropeway
