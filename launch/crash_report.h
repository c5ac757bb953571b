// What a rank says when it dies of a signal that is a defect (SIGSEGV, SIGABRT, SIGFPE, SIGILL, SIGBUS): the stack,
// with the names of this program's functions, and as the last line rank, host, signal, and where it was. Then
// the signal takes its course, so that launchers and core files see it.
#pragma once

#include <string>

namespace ropeway {

// Before MPI is initialised: Open MPI leaves handlers alone that are there. Those of others (sanitizers) stay.
void prepare_crash_reports(int rank, const std::string& host);
// From the handler of such a signal; nothing before prepare_crash_reports(). context: the handler's third argument.
void report_crash(int signal, const void* address, const void* context);

}  // namespace ropeway
