#define _GNU_SOURCE

#include "Watchdog.h"

#include <linux/watchdog.h>
#include <string.h>
#include <sys/ioctl.h>

int weir_watchdog_ask(int descriptor, struct weir_watchdog_support *support) {
  struct watchdog_info information = {0};
  if (ioctl(descriptor, WDIOC_GETSUPPORT, &information) < 0) return -1;
  memset(support, 0, sizeof *support);
  support->options = information.options;
  // The kernel's field has 32 bytes, and no zero when it is full.
  memcpy(support->identity, information.identity, sizeof information.identity);
  return 0;
}

const char *weir_watchdog_identity(const struct weir_watchdog_support *support) {
  return support->identity;
}

int weir_watchdog_set_timeout(int descriptor, int seconds) {
  return ioctl(descriptor, WDIOC_SETTIMEOUT, &seconds);
}

int weir_watchdog_timeout(int descriptor) {
  int seconds = 0;
  return ioctl(descriptor, WDIOC_GETTIMEOUT, &seconds) < 0 ? -1 : seconds;
}

int weir_watchdog_keep_alive(int descriptor) { return ioctl(descriptor, WDIOC_KEEPALIVE, 0); }

int weir_watchdog_boot_status(int descriptor, uint32_t *status) {
  int bits = 0;
  if (ioctl(descriptor, WDIOC_GETBOOTSTATUS, &bits) < 0) return -1;
  *status = (uint32_t)bits;
  return 0;
}
