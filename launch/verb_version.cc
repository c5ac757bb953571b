// ropeway version: what to paste into a report.
#include <torch/version.h>

#include <iostream>

#include "launch/build_info.h"
#include "launch/command_line.h"
#include "launch/verbs.h"
#include "parallel/comm/mpi_session.h"

namespace ropeway {

void version_verb(const Arguments& arguments, bool prints) {
  const CommandLine line{
      "usage: ropeway version\n\nVersions of the program and of what it was built with.\n"
      "example: ropeway version\n",
      "",
      {}};
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
            << "compiler " << kCompiler << "\n";
}

}  // namespace ropeway
