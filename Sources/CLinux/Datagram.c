#define _GNU_SOURCE
#include "Datagram.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <unistd.h>

int weir_datagram_open(const char *host, uint16_t port) {
  struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
  struct addrinfo *found = NULL;
  char service[8];
  snprintf(service, sizeof service, "%u", port);
  if (getaddrinfo(host, service, &wanted, &found) != 0) {
    errno = ENXIO;
    return -1;
  }
  int descriptor = -1;
  for (struct addrinfo *each = found; each && descriptor < 0; each = each->ai_next) {
    descriptor = socket(each->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor >= 0 && connect(descriptor, each->ai_addr, each->ai_addrlen) < 0) {
      int number = errno;
      close(descriptor);
      descriptor = -1;
      errno = number;
    }
  }
  int number = errno;
  freeaddrinfo(found);
  errno = number;
  return descriptor;
}

int weir_clock_slew(int64_t microseconds) {
  // Both parts of a negative difference are negative, which adjtime takes.
  struct timeval difference = {microseconds / 1000000, microseconds % 1000000};
  return adjtime(&difference, NULL);
}

int weir_clock_mark_synchronized(int64_t microseconds) {
  // Without STA_UNSYNC in the status the kernel counts as synchronized, until the error that it
  // adds up by itself passes 16 s: nine hours.
  struct timex change = {
      .modes = ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR,
      .status = 0,
      .maxerror = microseconds,
      .esterror = microseconds,
  };
  return adjtimex(&change) < 0 ? -1 : 0;
}
