#include "launch/program_agreement.h"

#include <torch/version.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "kernels/base/log.h"
#include "launch/build_info.h"
#include "parallel/comm/agreement.h"
#include "parallel/comm/mpi_session.h"
#include "trainer/files/files.h"

namespace ropeway {
namespace {

constexpr std::string_view kThatMatter[] = {
    "NCCL_",      "MKL_", "DNNL_", "ONEDNN_", "ATEN_", "TORCH_", "CUBLAS_", "CUDNN_", "NVIDIA_TF32_OVERRIDE",
    "OMP_DYNAMIC"};
// Each host has its own.
constexpr std::string_view kOfAHost[] = {"NCCL_SOCKET_IFNAME", "NCCL_IB_HCA", "NCCL_IB_GID_INDEX",
                                         "NCCL_TOPO_FILE",     "NCCL_DEBUG",  "NCCL_DEBUG_FILE",
                                         "TORCH_ROOT"};

bool matters(std::string_view name) {
  return std::any_of(std::begin(kThatMatter), std::end(kThatMatter),
                     [&](std::string_view prefix) { return name.starts_with(prefix); }) &&
         std::find(std::begin(kOfAHost), std::end(kOfAHost), name) == std::end(kOfAHost);
}

std::vector<Fact> facts_of_program() {
  std::vector<Fact> facts = {
      {"program", fmt::format("ropeway {} ({}, {})", kRopewayVersion, kGitHash, kBuildType)},
      {"libtorch", TORCH_VERSION},
      {"MPI", MpiSession::library_version()}};
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos || !matters(text.substr(0, equals))) continue;
    facts.push_back(
        {fmt::format("environment {}", text.substr(0, equals)), std::string(text.substr(equals + 1))});
  }
  return facts;
}

// "": it cannot be read.
std::string hash_of_program() {
  try {
    return sha256_of_file("/proc/self/exe").substr(0, 12);
  } catch (const std::exception&) {
    return "";
  }
}

}  // namespace

void require_same_program(Communicator& world) {
  if (world.size() == 1) return;
  require_agreement(world, ErrorKind::kLauncher, "are not the same", facts_of_program());
  const std::string other_builds = differences(world, {{"hash of the program file", hash_of_program()}}, "");
  if (!other_builds.empty() && world.rank() == 0) {
    log_warning("the ranks run different builds of one commit, whose results may differ: {}", other_builds);
  }
}

}  // namespace ropeway
