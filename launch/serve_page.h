// The page of a run over HTTP, for a browser on this machine.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace ropeway {

// Serves the page of the runs on the loopback interface until the process is told to end; it is made anew when
// somebody looks and it is older than two seconds. port: 0 takes a free one. listening: called with the address.
// Throws kCannotCreate when the port cannot be had.
void serve_page(const std::vector<std::filesystem::path>& runs, int port,
                const std::function<void(const std::string& address)>& listening);

}  // namespace ropeway
