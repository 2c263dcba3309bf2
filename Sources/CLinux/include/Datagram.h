// One UDP socket to one server, and what the kernel is told of a clock that was set by it.
#ifndef WEIR_DATAGRAM_H
#define WEIR_DATAGRAM_H

#include <stdint.h>

/// A socket that sends to and receives from this host and port only. -1 with errno; a name that
/// can't be resolved is ENXIO. Resolving may take seconds.
int weir_datagram_open(const char *host, uint16_t port);
/// Lets the clock drift to the right time (adjtime(3)): `microseconds` is what it is behind.
int weir_clock_slew(int64_t microseconds);
/// Tells the kernel that its clock is right, within `microseconds` (adjtimex(2)).
int weir_clock_mark_synchronized(int64_t microseconds);

#endif
