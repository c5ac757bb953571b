// ropeway version: what to paste into a report.
#include <iostream>

#include "launch/command_page.h"
#include "launch/verbs.h"
#include "launch/version_text.h"

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
  std::cout << (run ? version_text() : line.help);
}

}  // namespace ropeway
