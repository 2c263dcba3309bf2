#include "CSeal.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

struct weir_seal {
  EVP_CIPHER_CTX *context;
  int seals;
};

// OpenSSL without its configuration file, which a task that has rules for files can't read, and
// without its words for errors. Only the first call in a process counts: where the uplink has set
// up TLS before, with the configuration, that stands.
static int is_ready(void) {
  return OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS,
                             NULL);
}

// HKDF-SHA256 of a key and, unless it is null, a salt, for the use that `info` names.
static int hkdf(const uint8_t *key, const uint8_t *salt, const char *info, uint8_t *output,
                size_t count) {
  if (!is_ready()) return -1;
  ERR_set_mark();
  EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
  EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
  EVP_KDF_free(kdf);
  OSSL_PARAM parameters[5];
  OSSL_PARAM *next = parameters;
  // The parameters are only read; OpenSSL's type for them has no const.
  *next++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0);
  *next++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key, WEIR_SEAL_KEY_BYTES);
  if (salt) {
    *next++ =
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt, WEIR_SEAL_SALT_BYTES);
  }
  *next++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info, strlen(info));
  *next = OSSL_PARAM_construct_end();
  int result = context && EVP_KDF_derive(context, output, count, parameters) > 0 ? 0 : -1;
  EVP_KDF_CTX_free(context);
  ERR_pop_to_mark();
  return result;
}

int weir_seal_key_number(const uint8_t *key, uint8_t *number) {
  return hkdf(key, NULL, "weir journal: number of a key", number, 8);
}

int weir_seal_start_key(const uint8_t *key, const uint8_t *salt, uint8_t *start_key) {
  return hkdf(key, salt, "weir journal: key of a start", start_key, WEIR_SEAL_KEY_BYTES);
}

struct weir_seal *weir_seal_new(int seals) {
  if (!is_ready()) return NULL;
  struct weir_seal *seal = calloc(1, sizeof *seal);
  if (!seal) return NULL;
  ERR_set_mark();
  seal->seals = seals;
  seal->context = EVP_CIPHER_CTX_new();
  EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
  int is_made = seal->context && cipher &&
                EVP_CipherInit_ex2(seal->context, cipher, NULL, NULL, seals, NULL) > 0;
  EVP_CIPHER_free(cipher);
  ERR_pop_to_mark();
  if (is_made) return seal;
  weir_seal_free(seal);
  return NULL;
}

void weir_seal_free(struct weir_seal *seal) {
  if (!seal) return;
  // Wipes the key that it holds.
  EVP_CIPHER_CTX_free(seal->context);
  free(seal);
}

int weir_seal_set_key(struct weir_seal *seal, const uint8_t *key) {
  ERR_set_mark();
  int result = EVP_CipherInit_ex2(seal->context, NULL, key, NULL, seal->seals, NULL) > 0 ? 0 : -1;
  ERR_pop_to_mark();
  return result;
}

// Nonce, what stays readable, what does not.
static int run(struct weir_seal *seal, const uint8_t *nonce, const void *known, size_t known_count,
               const void *bytes, void *output, size_t count) {
  int done = 0;
  if (known_count > INT_MAX || count > INT_MAX) return 0;
  if (EVP_CipherInit_ex2(seal->context, NULL, NULL, nonce, seal->seals, NULL) <= 0) return 0;
  if (EVP_CipherUpdate(seal->context, NULL, &done, known, (int)known_count) <= 0) return 0;
  return count == 0 || EVP_CipherUpdate(seal->context, output, &done, bytes, (int)count) > 0;
}

int weir_seal_seal(struct weir_seal *seal, const uint8_t *nonce, const void *known,
                   size_t known_count, const void *bytes, void *output, size_t count,
                   uint8_t *tag) {
  uint8_t rest[16];
  int rest_count = 0;
  ERR_set_mark();
  int is_sealed =
      seal->seals && run(seal, nonce, known, known_count, bytes, output, count) &&
      EVP_CipherFinal_ex(seal->context, rest, &rest_count) > 0 &&
      EVP_CIPHER_CTX_ctrl(seal->context, EVP_CTRL_AEAD_GET_TAG, WEIR_SEAL_TAG_BYTES, tag) > 0;
  ERR_pop_to_mark();
  return is_sealed ? 0 : -1;
}

int weir_seal_open(struct weir_seal *seal, const uint8_t *nonce, const void *known,
                   size_t known_count, void *bytes, size_t count, const uint8_t *tag) {
  uint8_t rest[16];
  int rest_count = 0;
  ERR_set_mark();
  int is_open =
      !seal->seals && run(seal, nonce, known, known_count, bytes, bytes, count) &&
      EVP_CIPHER_CTX_ctrl(seal->context, EVP_CTRL_AEAD_SET_TAG, WEIR_SEAL_TAG_BYTES,
                          (void *)tag) > 0 &&
      EVP_CipherFinal_ex(seal->context, rest, &rest_count) > 0;
  // What a caller should not know of a failure it should not leave in the uplink's queue of errors.
  ERR_pop_to_mark();
  return is_open ? 0 : -1;
}
