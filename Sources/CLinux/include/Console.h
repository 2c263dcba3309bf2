// Writing to what standard error shows, without ever waiting for it.
#ifndef WEIR_CONSOLE_H
#define WEIR_CONSOLE_H

#include <stddef.h>

/// A second way to where standard error goes, on which a write never waits: what others do with
/// standard error is not changed by it. A file that can't stall is standard error itself. -1 where
/// there is no such way; then poll(2) tells whether a write would wait.
int weir_console_open(void);
/// Writes what can be written at once to a descriptor from `weir_console_open`, or to a socket. How
/// many bytes that were, or -1 with errno.
long weir_console_write(int descriptor, const void *bytes, size_t count);

#endif
