// systemd's notification protocol (sd_notify(3)): one datagram for each message.
#ifndef WEIR_SERVICE_MANAGER_H
#define WEIR_SERVICE_MANAGER_H

/// A datagram socket that is connected to $NOTIFY_SOCKET, a path or an abstract name behind `@`.
/// -1 with errno; -2 when no manager asks for notifications.
int weir_manager_connect(void);
/// $WATCHDOG_USEC, if it is meant for this process: how often the manager wants to hear of it at
/// least, in microseconds; 0 for never.
long long weir_manager_watchdog(void);
/// Sends a message, without waiting. -1 with errno.
int weir_manager_send(int descriptor, const char *text);

#endif
