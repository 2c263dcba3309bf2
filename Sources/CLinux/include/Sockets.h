// Questions to a socket and to the kernel that need C structures or macros.
#ifndef WEIR_SOCKETS_H
#define WEIR_SOCKETS_H

#include <stddef.h>
#include <stdint.h>

/// The pending error of a socket (SO_ERROR), an errno, which the question clears; -1 when the
/// question itself fails.
int weir_socket_error(int descriptor);
/// Copies what waits in a socket without taking it, and without waiting: the count, 0 at the end of
/// the stream, or -1 with errno.
long weir_socket_peek(int descriptor, uint8_t *bytes, size_t count);
/// How many bytes of a TCP connection the other machine has confirmed so far (tcpi_bytes_acked of
/// TCP_INFO, tcp(7)); -1 when the question fails.
long long weir_socket_arrived(int descriptor);
/// Holds back packets that are not full (TCP_CORK), or stops that. 0, or -1 with errno.
int weir_socket_cork(int descriptor, int corked);
/// What getaddrinfo(3) means by a number that it returned.
const char *weir_name_error_text(int number);
/// Whether an error of getaddrinfo(3) says that there is no such name (1), or that nobody could be
/// asked (0).
int weir_name_is_unknown(int number);
/// Whether the kernel's clock is being kept right by someone, NTP for example (adjtimex(2)).
int weir_clock_is_synchronized(void);
/// Bytes nobody can guess (getrandom(2)), at most 256. 0, or -1 with errno.
int weir_random_bytes(void *bytes, size_t count);

#endif
