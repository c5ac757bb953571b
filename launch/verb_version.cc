// ropeway version: what to paste into a report.
#include <torch/version.h>

#include <iostream>

#include "launch/build_info.h"
#include "launch/command_page.h"
#include "launch/verbs.h"
#include "parallel/comm/mpi_session.h"

namespace ropeway {

CommandPage version_page() {
  return {.usage = "",
          .about = "Versions of the program and of what it was built with.\n",
          .examples = "ropeway version\n"};
}

void version_verb(const Arguments& arguments, bool prints) {
  const CommandLine line = command_line("version", version_page());
  boost::program_options::variables_map values;
  const bool run = parse_command_line(line, arguments, values);
  if (!prints) return;
  if (!run) {
    std::cout << line.help;
    return;
  }
  std::cout << "ropeway " << kRopewayVersion << " (" << kGitHash << ", " << kBuildType << ")\n"
            << "libtorch " << TORCH_VERSION << "\n"
            << MpiSession::library_version() << "\n"
            << "CUDA " << kCuda << "\n"
            << kLibraries << "\n"
            << "compiler " << kCompiler << "\n";
}

}  // namespace ropeway
