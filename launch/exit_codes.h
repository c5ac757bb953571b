// The exit codes of the program and what they mean: the table behind `ropeway --help` and launch/README.md.
#pragma once

#include <string>
#include <vector>

namespace ropeway {

struct ExitCode {
  int code = 0;
  const char* meaning = "";
};
// 0 and every ErrorKind, ascending.
std::vector<ExitCode> exit_codes();

// "exit codes: 0 done, 2 usage, ..." in lines of at most `columns` characters.
std::string exit_codes_text(size_t columns);

// The table of launch/README.md: a row of codes, a rule, a row of meanings.
std::string exit_codes_markdown();

}  // namespace ropeway
