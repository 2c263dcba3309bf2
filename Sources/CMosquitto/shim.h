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

// What is said of a connection, and what is looked at in certificates. SSL_ctrl's 134 is
// SSL_CTRL_GET_NEGOTIATED_GROUP (openssl/ssl.h).
struct ssl_ctx_st;
struct ssl_cipher_st;
struct x509_st;
struct x509_store_ctx_st;
struct evp_pkey_st;
struct bio_st;
struct asn1_string_st;
struct stack_st;
typedef int weir_verify_callback(int, struct x509_store_ctx_st *);
const char *SSL_get_version(const struct ssl_st *ssl);
const struct ssl_cipher_st *SSL_get_current_cipher(const struct ssl_st *ssl);
const char *SSL_CIPHER_get_name(const struct ssl_cipher_st *cipher);
long SSL_ctrl(struct ssl_st *ssl, int command, long number, void *argument);
const char *SSL_group_to_name(struct ssl_st *ssl, int number);
struct stack_st *SSL_get0_verified_chain(const struct ssl_st *ssl);
int OPENSSL_sk_num(const struct stack_st *stack);
void *OPENSSL_sk_value(const struct stack_st *stack, int index);
struct ssl_ctx_st *SSL_get_SSL_CTX(const struct ssl_st *ssl);
weir_verify_callback *SSL_CTX_get_verify_callback(const struct ssl_ctx_st *context);
struct ssl_method_st;
const struct ssl_method_st *TLS_client_method(void);
struct ssl_ctx_st *SSL_CTX_new(const struct ssl_method_st *method);
void SSL_CTX_free(struct ssl_ctx_st *context);
typedef int weir_judge_callback(struct x509_store_ctx_st *, void *);
void SSL_CTX_set_cert_verify_callback(
    struct ssl_ctx_st *context, weir_judge_callback *callback, void *argument);
void X509_STORE_CTX_set_time(struct x509_store_ctx_st *context, unsigned long flags, long time);
void X509_STORE_CTX_set_verify_cb(
    struct x509_store_ctx_st *context, weir_verify_callback *callback);
int X509_verify_cert(struct x509_store_ctx_st *context);
void *X509_STORE_CTX_get_ex_data(const struct x509_store_ctx_st *context, int index);
int SSL_get_ex_data_X509_STORE_CTX_idx(void);
int X509_STORE_CTX_get_error(const struct x509_store_ctx_st *context);
void X509_STORE_CTX_set_error(struct x509_store_ctx_st *context, int error);
struct bio_st *BIO_new_mem_buf(const void *bytes, int count);
int BIO_free(struct bio_st *bio);
typedef int weir_password_callback(char *buffer, int size, int writing, void *data);
struct x509_st *PEM_read_bio_X509(
    struct bio_st *bio, struct x509_st **into, weir_password_callback *callback, void *data);
struct evp_pkey_st *PEM_read_bio_PrivateKey(
    struct bio_st *bio, struct evp_pkey_st **into, weir_password_callback *callback, void *data);
void X509_free(struct x509_st *certificate);
void EVP_PKEY_free(struct evp_pkey_st *key);
int X509_check_private_key(const struct x509_st *certificate, const struct evp_pkey_st *key);
const struct asn1_string_st *X509_get0_notBefore(const struct x509_st *certificate);
const struct asn1_string_st *X509_get0_notAfter(const struct x509_st *certificate);
struct asn1_string_st *ASN1_TIME_set(struct asn1_string_st *into, long time);
void ASN1_TIME_free(struct asn1_string_st *time);
int ASN1_TIME_diff(
    int *days, int *seconds, const struct asn1_string_st *from, const struct asn1_string_st *to);
void ERR_clear_error(void);

/// Frees what libmosquitto hands out as a copy.
static inline void weir_free_text(char *text) { __builtin_free(text); }
