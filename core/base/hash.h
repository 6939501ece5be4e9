/* Digests and random bytes, from libcrypto. */
#ifndef PENSTOCK_BASE_HASH_H
#define PENSTOCK_BASE_HASH_H

#include "core/base/str.h"

enum { SHA256_LEN = 32, MD5_LEN = 16 };

struct sha256; /* a running digest */

struct sha256 *sha256_new(void);
void sha256_add(struct sha256 *h, const void *p, size_t len);
void sha256_u64(struct sha256 *h, uint64_t n); /* eight bytes, big endian: separates fields */
/* Writes the digest and frees h. */
void sha256_finish(struct sha256 *h, uint8_t out[SHA256_LEN]);

void sha256_of(struct str s, uint8_t out[SHA256_LEN]);
/* For names that other software made with MD5; not for security (works on FIPS hosts too). */
void md5_of(struct str s, uint8_t out[MD5_LEN]);
void random_bytes(void *p, size_t len);

enum { UUID_LEN = 32 };
/* A UUID of version 7 (RFC 9562) for this moment: lower-case hex digits without dashes. */
void uuid7(int64_t now_us, char out[UUID_LEN + 1]);

#endif
