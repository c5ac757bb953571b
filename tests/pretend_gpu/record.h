// What the parts of the pretend GPU write down and complain of.
#pragma once

#include <driver_types.h>
#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <string>

namespace ropeway::pretend {

struct Record {
  std::atomic<int64_t> launches{0}, products{0}, copies{0}, waits{0};
};
Record& record();

// The program did what no GPU would stand: says so with a stack trace and ends the process.
[[noreturn]] void complain(const std::string& what);

template <typename... Args>
void expect(bool holds, fmt::format_string<Args...> what, Args&&... args) {
  if (!holds) complain(fmt::format(what, std::forward<Args>(args)...));
}

// The host waits for the device here.
inline void host_waits() { ++record().waits; }

// Remembers an error for cudaGetLastError() and gives it back.
cudaError_t ended_with(cudaError_t error);

// A number from the environment.
int64_t setting(const char* name, int64_t otherwise);

// The device that is current for the calling thread.
int current_device();

}  // namespace ropeway::pretend
