// A stream socket in the file system, by which a process on the same machine asks the supervisor.
#ifndef WEIR_LOCAL_SOCKET_H
#define WEIR_LOCAL_SOCKET_H

#include <stddef.h>
#include <stdint.h>

/// Listens at `path` (at most 107 bytes), readable by its owner and group, in place of what stood
/// there. Nothing of it blocks. The descriptor, or -1 with errno.
int weir_local_listen(const char *path);
/// Connects to `path`; neither sending nor receiving takes longer than `timeout_milliseconds`. The
/// descriptor, or -1 with errno.
int weir_local_connect(const char *path, int timeout_milliseconds);
/// Takes one connection that waits, without blocking. The descriptor, or -1 with errno.
int weir_local_accept(int descriptor);
/// Sends without blocking and without SIGPIPE: the count, or -1 with errno.
long weir_local_send(int descriptor, const uint8_t *bytes, size_t count);

#endif
