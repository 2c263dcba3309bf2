// What of OpenSSL the product does without.
#if defined(WEIR_EMBEDDED) && defined(__aarch64__)

typedef struct ec_method_st EC_METHOD;

const EC_METHOD *EC_GFp_mont_method(void);
const EC_METHOD *EC_GFp_sm2p256_method(void);

/// The arithmetic of the curve SM2, which TLS does not offer by itself: OpenSSL's general one for
/// prime fields, in place of a faster one for ARM that comes with a table of half a megabyte. The
/// linker takes this one, and leaves OpenSSL's in its archive.
const EC_METHOD *EC_GFp_sm2p256_method(void) { return EC_GFp_mont_method(); }

#endif
