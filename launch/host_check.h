// What a rank finds on its host: system, processor, memory, limits of its process, room on disks,
// environment.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "launch/doctor_fault.h"

namespace ropeway {

// The model name in /proc/cpuinfo; "unknown".
std::string processor_name();

struct HostCheck {
  using Facts = std::vector<std::pair<std::string, std::string>>;  // names and what is found
  Facts facts;
  DoctorFaults faults;
};
// The folder itself, or the nearest one above it that exists.
std::filesystem::path nearest_folder(std::filesystem::path folder);

// world: ranks of the job, on_host: of this host. folder: where a run would write. Writes nothing.
HostCheck check_host(const std::filesystem::path& folder, int world, int on_host);

// Variables of this process's environment that bear on speed or on results, as NAME=VALUE, sorted.
std::vector<std::string> environment_that_matters();

}  // namespace ropeway
