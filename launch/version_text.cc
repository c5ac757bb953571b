#include "launch/version_text.h"

#include <fmt/format.h>
#include <torch/version.h>

#include "launch/build_info.h"
#include "parallel/comm/mpi_session.h"

namespace ropeway {

std::string version_text() {
  return fmt::format("ropeway {} ({}, {})\nlibtorch {}\n{}\nCUDA {}\n{}\ncompiler {}\n", kRopewayVersion,
                     kGitHash, kBuildType, TORCH_VERSION, MpiSession::library_version(), kCuda, kLibraries,
                     kCompiler);
}

}  // namespace ropeway
