#include "parallel/comm/exit_guard.h"

#define OMPI_SKIP_MPICXX 1
#include <mpi.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "kernels/base/error.h"
#include "parallel/board/hang_watch.h"
#include "parallel/board/position.h"

namespace ropeway::internal {
namespace {

std::atomic<pid_t> g_process{0};  // that is guarded
std::string& name_of_rank() {
  static auto& name = *new std::string;  // lives beyond the destructors that exit() calls
  return name;
}

void end_job(int code, void*) {
  if (g_process.load() != getpid()) return;
  release_exit_guard();
  const Position* const position = Position::of_process();
  const std::string where = position != nullptr ? text_of(position->now()) : "";
  std::fprintf(stderr, "ropeway: %s called exit(%d) in the middle of %s\n", name_of_rank().c_str(), code,
               where.empty() ? "its work" : where.c_str());
  std::fflush(nullptr);
  HangWatch::write_end_of_process("exit");
  int initialised = 0, finalised = 0;
  MPI_Initialized(&initialised);
  MPI_Finalized(&finalised);
  const int kind = static_cast<int>(ErrorKind::kInternal);
  if (initialised && !finalised) MPI_Abort(MPI_COMM_WORLD, kind);
  _exit(kind);
}

}  // namespace

void guard_against_exit(int rank, const std::string& host) {
  name_of_rank() = fmt::format("rank {} on {}", rank, host);
  g_process.store(getpid());
  static const int registered = on_exit(end_job, nullptr);
  static_cast<void>(registered);
}

void release_exit_guard() { g_process.store(0); }

}  // namespace ropeway::internal
