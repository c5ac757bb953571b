// Files that are either whole or not there: written under a temporary name in the same folder, fsynced,
// renamed, and the folder fsynced; links, pipes and devices stay what they are (output_place.h). Every failure
// is an Error that names the path and the system's reason.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace ropeway {

std::string read_text_file(const std::filesystem::path& path);  // kMissingInput when absent or unreadable
void write_file_atomically(const std::filesystem::path& path,
                           std::string_view content);  // kCannotCreate, kIo
void fsync_path(const std::filesystem::path& file_or_folder);
std::string sha256_of_file(const std::filesystem::path& path);  // lower-case hex
std::string sha256_of(std::string_view bytes);

// Creates the folder and proves that it can be written and has `bytes` free; throws kCannotCreate with both
// numbers.
void require_writable_folder(const std::filesystem::path& folder, int64_t bytes);

}  // namespace ropeway
