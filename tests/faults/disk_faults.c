/* Preloaded, this makes a disk fail, and tells what a program asks of it. Only files whose path holds DISK_PATH count.
     DISK_LOG=FILE         a line per call there: "write PATH", "fsync PATH", "rename FROM TO"
     DISK_FAULT=write      the call that fails: write, fsync, close, rename, or short: every write takes one byte less
                           than it was given
     DISK_ERRNO=5          with this
     DISK_AFTER=3          after so many that worked, and from then on */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_int calls;

static int counts(const char* path) {
  const char* part = getenv("DISK_PATH");
  return part != NULL && strstr(path, part) != NULL;
}

static int path_of(int descriptor, char path[PATH_MAX]) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length < 0) return 0;
  path[length] = '\0';
  return counts(path);
}

static void tell(const char* call, const char* path, const char* other) {
  const char* file = getenv("DISK_LOG");
  if (file == NULL) return;
  char line[2 * PATH_MAX + 32];
  const int length = snprintf(line, sizeof line, "%s %s %s\n", call, path, other);
  const int log = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (log < 0) return;
  syscall(SYS_write, log, line, (size_t)length);
  syscall(SYS_close, log);
}

static int fails(const char* call) {
  const char* wanted = getenv("DISK_FAULT");
  if (wanted == NULL || strcmp(wanted, call) != 0) return 0;
  const char* after = getenv("DISK_AFTER");
  if (atomic_fetch_add(&calls, 1) < (after == NULL ? 0 : atoi(after))) return 0;
  const char* error = getenv("DISK_ERRNO");
  errno = error == NULL ? EIO : atoi(error);
  return 1;
}

ssize_t write(int descriptor, const void* data, size_t bytes) {
  char path[PATH_MAX];
  if (path_of(descriptor, path)) {
    tell("write", path, "");
    if (fails("write")) return -1;
    if (bytes > 1 && fails("short")) --bytes;
  }
  return syscall(SYS_write, descriptor, data, bytes);
}

int fsync(int descriptor) {
  char path[PATH_MAX];
  if (path_of(descriptor, path)) {
    tell("fsync", path, "");
    if (fails("fsync")) return -1;
  }
  return (int)syscall(SYS_fsync, descriptor);
}

/* The descriptor is gone even where close reports an error. */
int close(int descriptor) {
  char path[PATH_MAX];
  const int failed = path_of(descriptor, path) && fails("close");
  const int error = errno;
  const int result = (int)syscall(SYS_close, descriptor);
  if (!failed) return result;
  errno = error;
  return -1;
}

int rename(const char* from, const char* to) {
  if (counts(from)) {
    tell("rename", from, to);
    if (fails("rename")) return -1;
  }
  return (int)syscall(SYS_rename, from, to);
}
