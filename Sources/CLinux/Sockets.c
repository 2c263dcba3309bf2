#define _GNU_SOURCE

#include "CLinux.h"

#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timex.h>

int weir_socket_error(int descriptor) {
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? -1 : error;
}

long weir_socket_peek(int descriptor, uint8_t *bytes, size_t count) {
  return recv(descriptor, bytes, count, MSG_PEEK | MSG_DONTWAIT);
}

long long weir_socket_arrived(int descriptor) {
  struct tcp_info info = {0};
  socklen_t size = sizeof info;
  if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) < 0) return -1;
  return size < offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof info.tcpi_bytes_acked
             ? -1
             : (long long)info.tcpi_bytes_acked;
}

int weir_socket_cork(int descriptor, int corked) {
  return setsockopt(descriptor, IPPROTO_TCP, TCP_CORK, &corked, sizeof corked);
}

const char *weir_name_error_text(int number) { return gai_strerror(number); }

int weir_name_is_unknown(int number) { return number == EAI_NONAME || number == EAI_NODATA; }

int weir_clock_is_synchronized(void) {
  struct timex state = {0};
  return adjtimex(&state) >= 0 && !(state.status & STA_UNSYNC);
}

int weir_random_bytes(void *bytes, size_t count) {
  if (count > 256) {
    errno = E2BIG;
    return -1;
  }
  return getrandom(bytes, count, 0) == (ssize_t)count ? 0 : -1;
}
