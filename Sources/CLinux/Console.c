#define _GNU_SOURCE
#include "Console.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int weir_console_open(void) {
  struct stat status;
  if (fstat(STDERR_FILENO, &status) != 0) return -1;
  // A service's standard error is often a socket of the journal, which can't be opened anew: `send`
  // does not wait there either. A plain file would begin anew at its start.
  if (!S_ISFIFO(status.st_mode) && !S_ISCHR(status.st_mode)) return STDERR_FILENO;
  int first = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (first < 0) return -1;
  int second = fcntl(first, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  close(first);
  return second;
}

long weir_console_write(int descriptor, const void *bytes, size_t count) {
  ssize_t sent = send(descriptor, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 && errno == ENOTSOCK ? write(descriptor, bytes, count) : sent;
}
