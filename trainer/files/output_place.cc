#include "trainer/files/output_place.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "kernels/base/error.h"
#include "trainer/files/files.h"
#include "trainer/files/write_all.h"

namespace ropeway {

namespace fs = std::filesystem;

fs::path follow_links(const fs::path& path) {
  constexpr int kMaxLinks = 40;  // as many as the system follows
  fs::path at = path;
  std::error_code none;
  for (int links = 0; links < kMaxLinks; ++links) {
    if (!fs::is_symlink(at, none)) return at;
    const fs::path target = fs::read_symlink(at, none);
    at = target.is_absolute() ? target : at.parent_path() / target;
  }
  fail(ErrorKind::kCannotCreate, "{}: {}", path.string(), std::strerror(ELOOP));
}

OutputPlace output_place(const fs::path& path) {
  OutputPlace place{.path = follow_links(path)};
  std::error_code none;
  const fs::file_status status = fs::status(place.path, none);
  if (fs::is_directory(status)) {
    fail(ErrorKind::kCannotCreate, "{}: is a folder, wanted a file to write", path.string());
  }
  place.is_stream = fs::exists(status) && !fs::is_regular_file(status);
  return place;
}

void require_output(const fs::path& path) {
  constexpr int64_t kSome = 1 << 20;
  const OutputPlace place = output_place(path);
  if (!place.is_stream) {
    const fs::path folder = place.path.parent_path();
    return require_writable_folder(folder.empty() ? fs::path(".") : folder, kSome);
  }
  if (::access(place.path.c_str(), W_OK) != 0) {
    fail(ErrorKind::kCannotCreate, "{}: cannot write to it: {}", path.string(), std::strerror(errno));
  }
}

void write_to_stream(const fs::path& path, std::string_view content) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC);
  if (descriptor < 0) {
    fail(ErrorKind::kCannotCreate, "{}: cannot write to it: {}", path.string(), std::strerror(errno));
  }
  int error = write_all(descriptor, content.data(), content.size());
  if (::close(descriptor) != 0 && error == 0) error = errno;
  if (error != 0) fail(ErrorKind::kIo, "{}: writing failed: {}", path.string(), std::strerror(error));
}

}  // namespace ropeway
