#include <mosquitto.h>
#include <mqtt_protocol.h>

// Of OpenSSL only what libmosquitto does not pass on: whether the handshake is over, and why a
// certificate was refused. Declared here, because OpenSSL's headers would come in whole.
struct ssl_st;
int SSL_is_init_finished(const struct ssl_st *ssl);
long SSL_get_verify_result(const struct ssl_st *ssl);
