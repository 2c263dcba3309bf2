#include <mosquitto.h>
#include <mqtt_protocol.h>

// Of OpenSSL only what libmosquitto does not pass on: whether the handshake is over, whether there
// are bytes that were read and not yet taken, why a certificate was refused, and what is not to be
// loaded. Declared here, because OpenSSL's headers would come in whole.
struct ssl_st;
int SSL_is_init_finished(const struct ssl_st *ssl);
int SSL_pending(const struct ssl_st *ssl);
long SSL_get_verify_result(const struct ssl_st *ssl);
int OPENSSL_init_ssl(unsigned long long options, const void *settings);
