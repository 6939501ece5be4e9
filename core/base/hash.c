#include "core/base/hash.h"

#include "core/base/mem.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>

struct sha256 {
    EVP_MD_CTX *ctx;
};

static void must(int ok)
{
    if (ok != 1)
        abort(); /* out of memory, or a libcrypto without the digest: nothing sane can follow */
}

struct sha256 *sha256_new(void)
{
    struct sha256 *h = xcalloc(1, sizeof *h);
    h->ctx = EVP_MD_CTX_new();
    must(h->ctx != NULL);
    must(EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL));
    return h;
}

void sha256_add(struct sha256 *h, const void *p, size_t len)
{
    must(EVP_DigestUpdate(h->ctx, p, len));
}

void sha256_u64(struct sha256 *h, uint64_t n)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(n >> (56 - 8 * i));
    sha256_add(h, bytes, sizeof bytes);
}

void sha256_finish(struct sha256 *h, uint8_t out[SHA256_LEN])
{
    must(EVP_DigestFinal_ex(h->ctx, out, NULL));
    EVP_MD_CTX_free(h->ctx);
    free(h);
}

void sha256_of(struct str s, uint8_t out[SHA256_LEN])
{
    must(EVP_Digest(s.ptr, s.len, out, NULL, EVP_sha256(), NULL));
}

void md5_of(struct str s, uint8_t out[MD5_LEN])
{
    EVP_MD *md = EVP_MD_fetch(NULL, "MD5", "fips=no");
    must(md != NULL);
    must(EVP_Digest(s.ptr, s.len, out, NULL, md, NULL));
    EVP_MD_free(md);
}

void random_bytes(void *p, size_t len)
{
    must(RAND_bytes(p, (int)len));
}

void uuid7(int64_t now_us, char out[UUID_LEN + 1])
{
    unsigned char b[UUID_LEN / 2];
    random_bytes(b, sizeof b);
    for (int i = 0; i < 6; i++)
        b[i] = (unsigned char)((uint64_t)(now_us / 1000) >> (40 - 8 * i));
    b[6] = (unsigned char)(0x70 | (b[6] & 0x0f));
    b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));
    hex_encode(b, sizeof b, out);
}
