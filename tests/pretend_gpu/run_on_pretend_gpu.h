// Runs the real program on the pretend GPU.
#pragma once

#include <string>

#include "tests/faults/run_ropeway.h"

namespace ropeway {

// `environment`: settings of the pretend GPU, NAME=value.
inline Ended run_on_pretend_gpu(const std::string& arguments, const std::string& environment = "") {
  return run_shell("exec env LD_PRELOAD=" PRETEND_GPU_LIBRARY " " + environment + " {} " + arguments);
}

}  // namespace ropeway
