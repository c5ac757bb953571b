// Where output goes that somebody names. Whatever has the name stays what it is:
//   nothing, or a regular file    a file appears under the name or replaces it, whole, by a rename
//   a link                        stays a link; what it points to is treated so
//   a pipe, a terminal, a device  is opened and written to
#pragma once

#include <filesystem>
#include <string_view>

namespace ropeway {

// The name behind a link that is a link itself no longer; it may not exist. Throws kCannotCreate for links
// that go round in a circle.
std::filesystem::path follow_links(const std::filesystem::path& path);

struct OutputPlace {
  std::filesystem::path path;  // links followed
  bool is_stream = false;      // a pipe, a terminal, a device, a socket
};
// Throws kCannotCreate for a folder.
OutputPlace output_place(const std::filesystem::path& path);

// Before the work: throws kCannotCreate unless output can be written under this name.
void require_output(const std::filesystem::path& path);
// kCannotCreate when the stream cannot be opened for writing, kIo afterwards.
void write_to_stream(const std::filesystem::path& path, std::string_view content);

}  // namespace ropeway
