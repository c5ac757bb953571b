#include "launch/exit_codes.h"

#include "kernels/base/error.h"

namespace ropeway {
namespace {

// A kind without a meaning does not compile.
const char* meaning_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kUsage:
      return "usage";
    case ErrorKind::kBadData:
      return "bad data";
    case ErrorKind::kMissingInput:
      return "missing input";
    case ErrorKind::kInternal:
      return "internal";
    case ErrorKind::kLauncher:
      return "ranks, hosts or GPUs do not fit";
    case ErrorKind::kCannotCreate:
      return "cannot create";
    case ErrorKind::kIo:
      return "input/output";
    case ErrorKind::kStopped:
      return "saved and stopped: run again";
    case ErrorKind::kPeer:
      return "another rank failed or hangs";
    case ErrorKind::kConfig:
      return "bad recipe";
    case ErrorKind::kNumerics:
      return "non-finite numbers";
    case ErrorKind::kMemory:
      return "out of memory";
    case ErrorKind::kGate:
      return "figures missed the recipe's gate";
  }
  return "";
}

}  // namespace

std::vector<ExitCode> exit_codes() {
  std::vector<ExitCode> codes = {{0, "done"}};
  for (const ErrorKind kind : kErrorKinds) codes.push_back({static_cast<int>(kind), meaning_of(kind)});
  return codes;
}

std::string exit_codes_text(size_t columns) {
  std::vector<std::string> lines = {"exit codes:"};
  const std::vector<ExitCode> codes = exit_codes();
  for (const ExitCode& code : codes) {
    const std::string entry =
        fmt::format(" {} {}{}", code.code, code.meaning, code.code == codes.back().code ? "" : ",");
    if (lines.back().size() + entry.size() > columns) lines.emplace_back(" ");
    lines.back() += entry;
  }
  return fmt::format("{}\n", fmt::join(lines, "\n"));
}

std::string exit_codes_markdown() {
  std::string codes = "|", rule = "|", meanings = "|";
  for (const ExitCode& code : exit_codes()) {
    codes += fmt::format(" {} |", code.code);
    rule += "---|";
    meanings += fmt::format(" {} |", code.meaning);
  }
  return fmt::format("{}\n{}\n{}\n", codes, rule, meanings);
}

}  // namespace ropeway
