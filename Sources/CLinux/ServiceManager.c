#define _GNU_SOURCE

#include "ServiceManager.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int weir_manager_connect(void) {
  const char *name = getenv("NOTIFY_SOCKET");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (!name || !*name) {
    return -2;
  }
  size_t length = strlen(name);
  if ((*name != '/' && *name != '@') || length >= sizeof address.sun_path) {
    errno = EINVAL;
    return -1;
  }
  memcpy(address.sun_path, name, length);
  if (*name == '@') address.sun_path[0] = 0;
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return -1;
  if (connect(descriptor, (struct sockaddr *)&address, size) < 0) {
    int number = errno;
    close(descriptor);
    errno = number;
    return -1;
  }
  return descriptor;
}

static long long number_of(const char *name) {
  const char *text = getenv(name);
  char *end = NULL;
  if (!text || !*text) return 0;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  return errno || *end || value < 0 ? 0 : value;
}

long long weir_manager_watchdog(void) {
  long long process = number_of("WATCHDOG_PID");
  return process == 0 || process == getpid() ? number_of("WATCHDOG_USEC") : 0;
}

int weir_manager_send(int descriptor, const char *text) {
  return send(descriptor, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -1 : 0;
}
