#include "launch/host_check.h"

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include "kernels/ops/host_copies.h"
#include "trainer/files/output_file.h"
#include "trainer/plan/memory_model.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

constexpr double kMiB = 1 << 20, kGiB = 1 << 30;

std::string size_words(double bytes) { return bytes_text(static_cast<int64_t>(bytes)); }

std::string system_words() {
  utsname system{};
  uname(&system);
  return fmt::format("{} {} {}", system.sysname, system.release, system.machine);
}

void check_memory(HostCheck& check, int on_host) {
  const auto there = static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
  const auto left = static_cast<double>(ops::available_host_bytes());
  const int64_t limit = ops::control_group_limit();
  check.facts.emplace_back(
      "memory", fmt::format("{}, of which {} are available; limit of the control group: {}",
                            size_words(there), size_words(left), limit > 0 ? bytes_text(limit) : "none"));
  if (left >= kGiB * on_host) return;
  check.faults.push_back(
      {"memory", ErrorKind::kMemory,
       fmt::format("{} are available to {} {}", size_words(left), on_host, on_host == 1 ? "rank" : "ranks"),
       "end what else runs there, or raise the memory that the job or container may take"});
}

// One limit of the process. `least`: below it there will be trouble.
struct Limit {
  const char* name;
  decltype(RLIMIT_NOFILE) which;
  double least;
  bool counts;  // a number, not bytes
  const char* hint;
};

std::string limit_words(const Limit& limit, rlim_t value) {
  if (value == RLIM_INFINITY) return "unlimited";
  return limit.counts ? fmt::format("{}", value) : size_words(static_cast<double>(value));
}

bool has_infiniband() {
  std::error_code error;
  return fs::directory_iterator("/sys/class/infiniband", error) != fs::directory_iterator();
}

void check_limits(HostCheck& check, int world) {
  constexpr double kAll = 1e18;
  const Limit limits[] = {
      {"locked memory", RLIMIT_MEMLOCK, has_infiniband() ? kAll : 0, false,
       "ulimit -l unlimited; network cards lock what they send (Slurm: LimitMEMLOCK=infinity for slurmd)"},
      {"open files", RLIMIT_NOFILE, 256.0 + world, true, "ulimit -n 4096"},
      {"size of files", RLIMIT_FSIZE, kAll, false, "ulimit -f unlimited; checkpoints are large"},
      {"address space", RLIMIT_AS, kAll, false, "ulimit -v unlimited; files are mapped"},
      {"stack", RLIMIT_STACK, kMiB, false, "ulimit -s 8192"},
  };
  std::vector<std::string> words;
  for (const Limit& limit : limits) {
    rlimit value{};
    ::getrlimit(limit.which, &value);
    words.push_back(fmt::format("{} {}", limit.name, limit_words(limit, value.rlim_cur)));
    if (value.rlim_cur == RLIM_INFINITY || static_cast<double>(value.rlim_cur) >= limit.least) continue;
    check.faults.push_back(
        {"limits", ErrorKind::kLauncher,
         fmt::format("the limit on {} is {}", limit.name, limit_words(limit, value.rlim_cur)), limit.hint});
  }
  check.facts.emplace_back("limits", fmt::format("{}", fmt::join(words, ", ")));
}

}  // namespace

fs::path nearest_folder(fs::path folder) {
  std::error_code error;
  folder = fs::absolute(folder, error);
  while (!fs::is_directory(folder, error) && folder.has_relative_path()) folder = folder.parent_path();
  return folder;
}

namespace {

void check_room(HostCheck& check, const fs::path& folder, int on_host) {
  const char* named = std::getenv("TMPDIR");
  const fs::path temporary = named != nullptr && *named != '\0' ? named : "/tmp";
  struct Room {
    fs::path path;
    double least;
    const char* hint;
  };
  // What MPI and NCCL share between the ranks of a host lies in the last one; containers give 64 MiB.
  const double shared = on_host > 1 ? 16 * kMiB * on_host : 0;
  const Room rooms[] = {{nearest_folder(folder), kGiB, "make room, or choose another folder for the run"},
                        {temporary, 64 * kMiB, "make room, or set TMPDIR to another folder"},
                        {"/dev/shm", shared, "docker run --shm-size=8g, or the like"}};
  std::vector<std::string> words;
  for (const Room& room : rooms) {
    const auto left = static_cast<double>(free_bytes(room.path));
    words.push_back(left < 0 ? fmt::format("{}: not there", room.path.string())
                             : fmt::format("{} {}", room.path.string(), size_words(left)));
    if (left < 0 || left >= room.least) continue;
    check.faults.push_back({"room", ErrorKind::kCannotCreate,
                            fmt::format("{}: {} are free", room.path.string(), size_words(left)), room.hint});
  }
  check.facts.emplace_back("room", fmt::format("{}", fmt::join(words, ", ")));
}

}  // namespace

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

HostCheck check_host(const fs::path& folder, int world, int on_host) {
  HostCheck check;
  check.facts.emplace_back("system", fmt::format("{}, {}", system_words(), processor_name()));
  check_memory(check, on_host);
  check_limits(check, world);
  check_room(check, folder, on_host);
  return check;
}

std::vector<std::string> environment_that_matters() {
  constexpr std::string_view kPrefixes[] = {
      "OMP_",         "GOMP_",         "KMP_",           "MKL_",           "DNNL_",
      "ONEDNN_",      "ATEN_",         "TORCH_",         "CUBLAS",         "CUDNN",
      "CUDA_",        "NVIDIA_",       "NCCL_",          "UCX_",           "FI_",
      "PSM",          "MALLOC",        "TMPDIR",         "LD_PRELOAD",     "LD_LIBRARY_PATH",
      "SLURM_JOB_ID", "SLURM_NNODES",  "PBS_JOBID",      "OMPI_MCA_btl",   "OMPI_MCA_pml",
      "OMPI_MCA_mtl", "OMPI_MCA_coll", "OMPI_MCA_hwloc", "OMPI_MCA_rmaps", "OMPI_MCA_mpi_yield",
      "MPICH_",       "MPIR_CVAR_"};
  std::vector<std::string> found;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const bool matters = std::any_of(std::begin(kPrefixes), std::end(kPrefixes),
                                     [&](std::string_view prefix) { return text.starts_with(prefix); });
    if (matters) found.emplace_back(text);
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace ropeway
