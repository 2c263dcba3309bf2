// The hardware's watchdog (linux/watchdog.h).
#ifndef WEIR_WATCHDOG_H
#define WEIR_WATCHDOG_H

#include <stdint.h>

/// What a watchdog can do, by WDIOC_GETSUPPORT: options are the WDIOF_ bits, the identity is the
/// driver's name, terminated.
struct weir_watchdog_support {
  uint32_t options;
  char identity[33];
};

/// All return -1 with errno on failure.
int weir_watchdog_ask(int descriptor, struct weir_watchdog_support *support);
/// The identity inside of `support`.
const char *weir_watchdog_identity(const struct weir_watchdog_support *support);
/// Asks for a timeout in seconds; the driver may take another one: `weir_watchdog_timeout` tells.
int weir_watchdog_set_timeout(int descriptor, int seconds);
int weir_watchdog_timeout(int descriptor);
int weir_watchdog_keep_alive(int descriptor);
/// The WDIOF_ bits of why the machine was reset last.
int weir_watchdog_boot_status(int descriptor, uint32_t *status);

#endif
