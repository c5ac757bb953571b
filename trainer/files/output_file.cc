#include "trainer/files/output_file.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "kernels/base/error.h"
#include "trainer/files/files.h"
#include "trainer/files/write_all.h"

namespace ropeway {
namespace {

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

}  // namespace

OutputFile::OutputFile(const std::filesystem::path& path) : path_(path) {
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor_ < 0)
    fail(ErrorKind::kCannotCreate, "{}: cannot create: {}", path.string(), std::strerror(errno));
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!kept_) ::unlink(path_.c_str());
}

void OutputFile::write(const void* data, int64_t bytes) {
  const char* next = static_cast<const char*>(data);
  int64_t left = bytes;
  while (left > 0) {
    // Pieces, so that the hash reads what is still in the cache and no call exceeds the system's 2 GiB.
    const int64_t piece = std::min<int64_t>(left, 4 << 20);
    const int error = write_all(descriptor_, next, static_cast<size_t>(piece));
    if (error != 0) {
      const off_t there = ::lseek(descriptor_, 0, SEEK_CUR);
      const int64_t written = there < 0 ? bytes_ : there;
      fail(ErrorKind::kIo, "{}: writing failed after {} bytes: {} ({} bytes still to write, {} free)",
           path_.string(), written, std::strerror(error), left - (written - bytes_), free_bytes(path_));
    }
    hash_.update(next, piece);
    next += piece;
    left -= piece;
    bytes_ += piece;
  }
}

void OutputFile::keep() {
  if (::fsync(descriptor_) != 0) {
    const int error = errno;  // before other calls change it
    fail(ErrorKind::kIo, "{}: fsync failed: {} ({} bytes free)", path_.string(), std::strerror(error),
         free_bytes(path_));
  }
  const int closed = ::close(descriptor_);
  descriptor_ = -1;
  if (closed != 0) fail(ErrorKind::kIo, "{}: close failed: {}", path_.string(), std::strerror(errno));
  sha256_ = hash_.finish();
  kept_ = true;
}

std::string make_uuid() {
  unsigned char bytes[16];
  size_t have = 0;
  while (have < sizeof bytes) {
    const ssize_t got = ::getrandom(bytes + have, sizeof bytes - have, 0);
    ROPEWAY_CHECK(got > 0 || errno == EINTR, "getrandom: {}", std::strerror(errno));
    if (got > 0) have += static_cast<size_t>(got);
  }
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  std::string uuid;
  for (size_t i = 0; i < sizeof bytes; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) uuid += '-';
    uuid += fmt::format("{:02x}", bytes[i]);
  }
  return uuid;
}

bool is_uuid(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : std::string_view("0123456789abcdef").find(text[i]) == std::string_view::npos)
      return false;
  }
  return text.size() == 36;
}

int64_t free_bytes(const std::filesystem::path& path) {
  struct statvfs status;
  if (::statvfs(path.c_str(), &status) != 0) return -1;
  return static_cast<int64_t>(status.f_bavail) * static_cast<int64_t>(status.f_frsize);
}

void rename_file(const std::filesystem::path& temporary, const std::filesystem::path& target) {
  if (::rename(temporary.c_str(), target.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    fail(ErrorKind::kCannotCreate, "{}: cannot rename the finished {} to it: {}", target.string(),
         temporary.string(), std::strerror(error));
  }
  fsync_path(folder_of(target));
}

void publish_folder(const std::filesystem::path& temporary, const std::filesystem::path& target) {
  const std::filesystem::path parent = folder_of(target);
  struct stat status;
  if (::lstat(target.c_str(), &status) != 0) {
    if (::rename(temporary.c_str(), target.c_str()) != 0) {
      fail(ErrorKind::kCannotCreate, "{}: cannot rename {} to it: {}", target.string(), temporary.string(),
           std::strerror(errno));
    }
    fsync_path(parent);
    return;
  }
  std::filesystem::path old = temporary;
  if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) != 0) {
    // No exchange here (some network file systems): move the old one aside first.
    old = temporary.string() + ".old";
    if (::rename(target.c_str(), old.c_str()) != 0 || ::rename(temporary.c_str(), target.c_str()) != 0) {
      fail(ErrorKind::kCannotCreate, "{}: cannot replace it by {}: {}", target.string(), temporary.string(),
           std::strerror(errno));
    }
  }
  fsync_path(parent);
  std::error_code ignored;  // nothing refers to what was replaced any more: leftovers do no harm
  std::filesystem::remove_all(old, ignored);
}

}  // namespace ropeway
