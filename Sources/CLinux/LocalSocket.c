#define _GNU_SOURCE

#include "LocalSocket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static int address_of(const char *path, struct sockaddr_un *address) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  if (strlen(path) >= sizeof address->sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(address->sun_path, path);
  return 0;
}

static int closed(int descriptor) {
  int number = errno;
  close(descriptor);
  errno = number;
  return -1;
}

int weir_local_listen(const char *path) {
  struct sockaddr_un address;
  if (address_of(path, &address) < 0) return -1;
  int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return -1;
  // What a supervisor that died left behind; the lock on the folder says that none is alive.
  if (unlink(path) < 0 && errno != ENOENT) return closed(descriptor);
  mode_t mask = umask(0117);
  int result = bind(descriptor, (struct sockaddr *)&address, sizeof address);
  umask(mask);
  if (result < 0 || listen(descriptor, 8) < 0) return closed(descriptor);
  return descriptor;
}

int weir_local_connect(const char *path, int timeout_milliseconds) {
  struct sockaddr_un address;
  struct timeval limit = {timeout_milliseconds / 1000, timeout_milliseconds % 1000 * 1000};
  if (address_of(path, &address) < 0) return -1;
  int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  if (setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ||
      setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0 ||
      connect(descriptor, (struct sockaddr *)&address, sizeof address) < 0)
    return closed(descriptor);
  return descriptor;
}

int weir_local_accept(int descriptor) {
  return accept4(descriptor, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

long weir_local_send(int descriptor, const uint8_t *bytes, size_t count) {
  return send(descriptor, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
}
