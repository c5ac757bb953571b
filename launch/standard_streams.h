// Standard input, output and error: there from the start, and whether all output arrived.
#pragma once

namespace ropeway {

// Opens the null device on those of the three that are closed. First of all: the next file that is opened gets
// the lowest free number, and would be written to in place of the log.
void open_closed_streams();

// Flushes std::cout. Throws kIo when anything written to it was lost, unless it went into a pipe whose reader
// has closed it.
void finish_standard_output();

// Makes std::cout printable (kernels/base/printable.h) where standard output is a terminal: models and texts
// are other people's.
void show_only_printable_output();

}  // namespace ropeway
