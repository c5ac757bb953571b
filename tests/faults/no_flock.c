/* Preloaded, this refuses flock(2) as some file systems do. */
#include <errno.h>
#include <stdlib.h>

int flock(int descriptor, int operation) {
  const char* error = getenv("NO_FLOCK_ERRNO");
  (void)descriptor;
  (void)operation;
  errno = error != NULL ? atoi(error) : ENOLCK;
  return -1;
}
