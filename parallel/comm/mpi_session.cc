#include "parallel/comm/mpi_session.h"

#define OMPI_SKIP_MPICXX 1
#include <mpi.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "kernels/base/error.h"
#include "kernels/base/exception_watch.h"
#include "kernels/base/host_name.h"
#include "parallel/comm/exit_guard.h"
#include "parallel/comm/mpi_communicator.h"
#include "parallel/comm/world_of_one.h"

namespace ropeway {
namespace {

int environment_number(const char* name) {
  const char* value = std::getenv(name);
  return value ? std::atoi(value) : 0;
}

// srun sets its variables for a step of one task as well, and for the script of a batch job: only a step of
// several tasks needs MPI. The other launchers name themselves through their process manager.
bool started_by_launcher() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMIX_RANK", "MPI_LOCALNRANKS"}) {
    if (std::getenv(name)) return true;
  }
  return std::getenv("SLURM_PROCID") && environment_number("SLURM_STEP_NUM_TASKS") > 1;
}

}  // namespace

struct MpiSession::State {
  bool under_launcher = false;
  bool initialised_here = false;
  int local_rank = 0;
  ExceptionWatch exceptions;
  std::unique_ptr<Communicator> world;
  MPI_Comm meeting =
      MPI_COMM_NULL;  // of its own: a failed rank may have left an operation behind on the others
};

MpiSession::MpiSession() : state_(std::make_unique<State>()) {
  state_->under_launcher = started_by_launcher();
  if (!state_->under_launcher) {
    state_->world = make_world_of_one();
    internal::guard_against_exit(0, host_name());
    return;
  }
  int initialised = 0;
  MPI_Initialized(&initialised);
  int provided = MPI_THREAD_MULTIPLE;
  if (!initialised) {
    if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided) != MPI_SUCCESS) {
      fail(ErrorKind::kLauncher, "MPI_Init_thread failed in {}", library_version());
    }
    state_->initialised_here = true;
  } else {
    MPI_Query_thread(&provided);
  }
  if (provided != MPI_THREAD_MULTIPLE) {
    fail(ErrorKind::kLauncher, "{} gives thread level {}, wanted MPI_THREAD_MULTIPLE ({})", library_version(),
         provided, static_cast<int>(MPI_THREAD_MULTIPLE));
  }
  state_->world = internal::make_mpi_world();
  const int slurm_tasks = environment_number("SLURM_STEP_NUM_TASKS");
  if (state_->world->size() == 1 && !std::getenv("OMPI_COMM_WORLD_SIZE") && slurm_tasks > 1) {
    fail(ErrorKind::kLauncher, WayOut::kStartWithPmix, "srun started {} tasks but MPI sees one", slurm_tasks);
  }
  MPI_Comm_dup(MPI_COMM_WORLD, &state_->meeting);
  MPI_Comm host = MPI_COMM_NULL;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host);
  MPI_Comm_rank(host, &state_->local_rank);
  MPI_Comm_free(&host);
  internal::guard_against_exit(state_->world->rank(), host_name());
}

MpiSession::~MpiSession() {
  internal::release_exit_guard();
  if (state_->exceptions.passing()) {
    // Finalising alone would wait for ever for the others; the caller aborts.
    static_cast<void>(state_->world.release());
    return;
  }
  state_->world.reset();
  if (state_->initialised_here) MPI_Finalize();
}

Communicator& MpiSession::world() { return *state_->world; }
bool MpiSession::under_launcher() const { return state_->under_launcher; }
int MpiSession::local_rank() const { return state_->local_rank; }

bool MpiSession::all_arrive(double seconds) {
  if (state_->meeting == MPI_COMM_NULL) return true;
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Ibarrier(state_->meeting, &request);
  int arrived = 0;
  for (double waited = 0; waited < seconds && !arrived; waited += 0.01) {
    MPI_Test(&request, &arrived, MPI_STATUS_IGNORE);
    if (!arrived) usleep(10'000);
  }
  return arrived != 0;
}

std::string MpiSession::host_name() const { return ropeway::host_name(); }

std::string MpiSession::library_version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = {};
  int length = 0;
  MPI_Get_library_version(text, &length);
  // "Open MPI v4.1.4, package: ..." and "MPICH Version: 4.0 ...": the first words name it.
  std::string version(text, static_cast<size_t>(length));
  version = version.substr(0, version.find_first_of(",\n"));
  if (const auto at = version.find(" v"); at != std::string::npos) version.erase(at + 1, 1);
  return version;
}

}  // namespace ropeway
