// The names of this program's functions, looked up in its own file: those of anonymous namespaces too, which the
// loader does not know (backtrace_symbols_fd prints no name for them). For handlers of fatal signals: everything
// but prepare() is safe there.
#pragma once

#include <cstdint>

namespace ropeway {

class SignalLine;

class OwnSymbols {
 public:
  static void prepare();  // where the program lies in memory; before a signal may come

  OwnSymbols();  // maps the file
  bool covers(uintptr_t address) const;
  // Appends "ropeway::Training::run + 0x12", or the place in the file where the symbols were stripped. Templates
  // keep their mangled names.
  void add_name(uintptr_t address, SignalLine& line) const;

 private:
  const char* file_ = nullptr;
  uint64_t bytes_ = 0;
};

}  // namespace ropeway
