#include "trainer/files/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "kernels/base/error.h"
#include "trainer/files/input_file.h"
#include "trainer/files/output_file.h"
#include "trainer/files/output_place.h"
#include "trainer/files/sha256.h"

namespace ropeway {
namespace {

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

}  // namespace

std::string read_text_file(const std::filesystem::path& path) {
  InputFile file(path);
  std::string content;
  std::vector<char> buffer(64 << 10);
  while (const size_t got = file.read(buffer.data(), buffer.size())) content.append(buffer.data(), got);
  return content;
}

void write_file_atomically(const std::filesystem::path& path, std::string_view content) {
  const OutputPlace place = output_place(path);
  if (place.is_stream) return write_to_stream(place.path, content);
  const std::filesystem::path temporary =
      folder_of(place.path) / fmt::format(".{}.tmp-{}", place.path.filename().string(), make_uuid());
  {
    OutputFile file(temporary);
    file.write(content.data(), static_cast<int64_t>(content.size()));
    file.keep();
  }
  rename_file(temporary, place.path);
}

void fsync_path(const std::filesystem::path& file_or_folder) {
  const int descriptor = ::open(file_or_folder.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    fail(ErrorKind::kIo, "{}: cannot open for fsync: {}", file_or_folder.string(), std::strerror(errno));
  }
  const int result = ::fsync(descriptor);
  const int error = errno;
  ::close(descriptor);
  // Some network file systems cannot sync a folder and say so with EINVAL; they write names through anyway.
  if (result != 0 && error != EINVAL) {
    fail(ErrorKind::kIo, "{}: fsync failed: {}", file_or_folder.string(), std::strerror(error));
  }
}

std::string sha256_of_file(const std::filesystem::path& path) {
  InputFile file(path);
  Sha256 hash;
  std::vector<char> buffer(1 << 20);
  while (const size_t got = file.read(buffer.data(), buffer.size())) hash.update(buffer.data(), got);
  return hash.finish();
}

std::string sha256_of(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes.data(), bytes.size());
  return hash.finish();
}

void require_writable_folder(const std::filesystem::path& folder, int64_t bytes) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    fail(ErrorKind::kCannotCreate, "{}: cannot create the folder: {}", folder.string(), error.message());
  if (!std::filesystem::is_directory(folder)) {
    fail(ErrorKind::kCannotCreate, "{}: exists and is not a folder", folder.string());
  }
  const int64_t available = free_bytes(folder);
  if (available >= 0 && available < bytes) {
    fail(ErrorKind::kCannotCreate, "{}: {} bytes are needed and {} are free there", folder.string(), bytes,
         available);
  }
  // Permission bits do not tell (read-only mounts, quotas, root): only writing does. Removed by the
  // destructor.
  OutputFile probe(folder / fmt::format(".probe.tmp-{}", make_uuid()));
  try {
    probe.write("probe", 5);
  } catch (const Error& failed) {
    fail(ErrorKind::kCannotCreate, "{}: cannot write there: {}", folder.string(), failed.what());
  }
}

}  // namespace ropeway
