#define _GNU_SOURCE

#include "Network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

// One request on a throw-away socket, as every interface ioctl wants it.
static int request(unsigned long code, void *argument) {
  int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  int result = ioctl(descriptor, code, argument);
  int number = errno;
  close(descriptor);
  errno = number;
  return result;
}

static int named(struct ifreq *interface, const char *name) {
  memset(interface, 0, sizeof *interface);
  if (strlen(name) >= sizeof interface->ifr_name) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(interface->ifr_name, name);
  return 0;
}

static void set_ipv4(struct sockaddr *address, uint32_t value) {
  struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(value)};
  memcpy(address, &ipv4, sizeof ipv4);
}

int weir_interface_up(const char *name) {
  struct ifreq interface;
  if (named(&interface, name) < 0 || request(SIOCGIFFLAGS, &interface) < 0) return -1;
  interface.ifr_flags |= IFF_UP | IFF_RUNNING;
  return request(SIOCSIFFLAGS, &interface);
}

int weir_interface_set_address(const char *name, uint32_t address, unsigned prefix_length) {
  struct ifreq interface;
  if (named(&interface, name) < 0) return -1;
  set_ipv4(&interface.ifr_addr, address);
  if (request(SIOCSIFADDR, &interface) < 0) return -1;
  set_ipv4(&interface.ifr_netmask, prefix_length == 0 ? 0 : UINT32_MAX << (32 - prefix_length));
  return request(SIOCSIFNETMASK, &interface);
}

int weir_route_default(uint32_t gateway) {
  struct rtentry route;
  memset(&route, 0, sizeof route);
  set_ipv4(&route.rt_dst, 0);
  set_ipv4(&route.rt_genmask, 0);
  set_ipv4(&route.rt_gateway, gateway);
  route.rt_flags = RTF_UP | RTF_GATEWAY;
  return request(SIOCADDRT, &route);
}
