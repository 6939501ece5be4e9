#include "core/base/base64.h"

#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

struct str base64_encode(struct arena *arena, struct str bytes)
{
    char *out = arena_alloc(arena, 4 * ((bytes.len + 2) / 3) + 1);
    int len =
        EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)bytes.ptr, (int)bytes.len);
    return (struct str){out, (size_t)len};
}

bool base64_decode(struct arena *arena, struct str text, struct str *ret)
{
    unsigned char *letters = arena_alloc(arena, text.len + 1), *out;
    size_t n = 0, padding = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!strchr(" \t\r\n", text.ptr[i]) || !text.ptr[i])
            letters[n++] = (unsigned char)text.ptr[i];
    }
    while (padding < 2 && padding < n && letters[n - 1 - padding] == '=')
        padding++;
    if (n % 4 || n > INT_MAX || memchr(letters, '=', n - padding))
        return false;
    out = arena_alloc(arena, 3 * (n / 4) + 1);
    /* It counts the padding in, and passes over dashes at the end: then the answer is shorter. */
    if (EVP_DecodeBlock(out, letters, (int)n) != (int)(3 * (n / 4)))
        return false;
    *ret = (struct str){(const char *)out, 3 * (n / 4) - padding};
    return true;
}
