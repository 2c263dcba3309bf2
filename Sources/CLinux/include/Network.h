// Network interfaces through their ioctls (netdevice(7), rtnetlink's older sibling): enough for one
// interface with one IPv4 address.
#ifndef WEIR_NETWORK_H
#define WEIR_NETWORK_H

#include <stdint.h>

/// Brings an interface up. 0, or -1 with errno.
int weir_interface_up(const char *name);
/// Gives an interface its IPv4 address, in host byte order, and prefix length (0 to 32).
int weir_interface_set_address(const char *name, uint32_t address, unsigned prefix_length);
/// Makes `gateway` (host byte order) the default route.
int weir_route_default(uint32_t gateway);

#endif
