// Which GPU a rank works on, decided by all ranks together: when the job cannot run, all of them say so with
// the same message before anything is loaded, rather than one of them, late, while the others wait.
#pragma once

#include <string>
#include <vector>

#include "parallel/comm/communicator.h"
#include "parallel/device/devices.h"

namespace ropeway {

// What one rank knows of itself.
struct DeviceSeat {
  std::string host;
  int local_rank = 0;               // among the ranks of its host
  std::vector<DeviceInfo> devices;  // visible to it
  std::string why_none;             // the reason why it cannot use a GPU; empty if it can
  std::string architectures = {};   // of its kernels (devices.h); empty: any
};

// Whether a GPU of this compute capability (90 for sm_90) runs kernels built for these architectures: machine
// code ("90-real") within its major version from its own minor one on, other code ("90", "90-virtual") on any
// later GPU too.
bool has_code_for(int capability, const std::string& architectures);

// Collective. A rank takes the device with its local rank's number, modulo the number of devices it sees:
// where the launcher shows each rank its own devices (CUDA_VISIBLE_DEVICES), that is one of them. Throws
// kLauncher on every rank, with a table of all ranks, hosts and devices, when a rank has no GPU, two ranks
// came to the same one (by UUID: more ranks than GPUs on a host), one is older than sm_80, which has no BF16,
// or this program holds no code for one.
DeviceInfo choose_device(Communicator& world, const DeviceSeat& seat);

}  // namespace ropeway
