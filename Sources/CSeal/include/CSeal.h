// AES-256-GCM and HKDF-SHA256 of OpenSSL's libcrypto, in the shape that a journal's blocks need.
// Only the module Journal and the desk's tests import this.
#ifndef WEIR_CSEAL_H
#define WEIR_CSEAL_H

#include <stddef.h>
#include <stdint.h>

/// In bytes: a key, a salt, a nonce, and the tag that GCM makes of what it sealed.
#define WEIR_SEAL_KEY_BYTES 32
#define WEIR_SEAL_SALT_BYTES 32
#define WEIR_SEAL_NONCE_BYTES 12
#define WEIR_SEAL_TAG_BYTES 16

/// The 8 bytes by which a key is known: HKDF-SHA256 (RFC 5869) of it, with a use of its own. 0; -1
/// where OpenSSL refuses.
int weir_seal_key_number(const uint8_t *key, uint8_t *number);
/// The key that is made of a key and a salt, also HKDF-SHA256. 0, or -1.
int weir_seal_start_key(const uint8_t *key, const uint8_t *salt, uint8_t *start_key);

/// AES-256-GCM under one key at a time, for sealing or for opening. What it allocates it allocates
/// in `weir_seal_new`, and with each new key; sealing and opening allocate nothing.
struct weir_seal;
/// Null where OpenSSL refuses.
struct weir_seal *weir_seal_new(int seals);
void weir_seal_free(struct weir_seal *seal);
/// From here on under this key. 0, or -1.
int weir_seal_set_key(struct weir_seal *seal, const uint8_t *key);
/// Encrypts `count` bytes into `output`, which may be the same memory, and makes the tag of them
/// and of `known_count` bytes that stay readable. 0, or -1.
int weir_seal_seal(struct weir_seal *seal, const uint8_t *nonce, const void *known,
                   size_t known_count, const void *bytes, void *output, size_t count, uint8_t *tag);
/// Decrypts in place what `weir_seal_seal` made. 0; -1 where the tag does not fit: then the bytes
/// are of no more use.
int weir_seal_open(struct weir_seal *seal, const uint8_t *nonce, const void *known,
                   size_t known_count, void *bytes, size_t count, const uint8_t *tag);

#endif
