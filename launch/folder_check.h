// Whether the ranks can work in a folder together: it is written, all of them see what one wrote, and its
// locks hold between hosts.
#pragma once

#include <filesystem>
#include <string>

#include "launch/doctor_fault.h"
#include "parallel/comm/communicator.h"

namespace ropeway {

struct FolderCheck {
  std::string words;  // "/scratch/runs: written at 812 MB/s, seen by all ranks, locks work"
  DoctorFaults faults;
};
// Collective; the result is rank 0's. Takes the nearest folder that exists, and leaves nothing in it.
FolderCheck check_folder(Communicator& world, const std::filesystem::path& folder);

}  // namespace ropeway
