#include "backends/file/djcache.h"

#include "core/pickle.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SUFFIX ".djcache"

void djcache_name(const struct django_key *key, struct str uid, char ret[DJCACHE_NAME])
{
    struct arena arena = ARENA_INIT;
    uint8_t md5[MD5_LEN];
    md5_of(django_key_of(&arena, key, uid), md5);
    arena_release(&arena);
    hex_encode(md5, sizeof md5, ret);
    memcpy(ret + 2 * MD5_LEN, SUFFIX, sizeof SUFFIX);
}

bool djcache_is_name(struct str name)
{
    if (name.len != DJCACHE_NAME - 1 || !str_ends(name, SUFFIX))
        return false;
    for (size_t i = 0; i < 2 * MD5_LEN; i++) {
        if (!name.ptr[i] || !strchr("0123456789abcdef", name.ptr[i]))
            return false;
    }
    return true;
}

bool djcache_split(struct arena *arena, struct str bytes, struct djcache *ret, struct err *err)
{
    static const double latest_s = 253402300800; /* the year 10000 */
    struct pickle_info info = {0};
    const struct value *expiry;
    if (bytes.len == 0)
        return err_set(err, ERR_CORRUPT, "an empty file: Django takes it for expired");
    if (!pickle_read(arena, bytes, &expiry, &info, err))
        return err_context(err, "its expiry");
    if (expiry->type == VALUE_NULL)
        ret->expires_us = TIME_NEVER;
    else if (expiry->type == VALUE_FLOAT && fabs(expiry->real) < latest_s)
        ret->expires_us = (int64_t)(expiry->real * 1000000);
    else
        return err_set(err, ERR_CORRUPT, "its expiry is no time");
    ret->header = str_sub(bytes, 0, info.length);
    ret->value = str_sub(bytes, info.length, bytes.len);
    return true;
}

void djcache_document(struct arena *arena, struct str bytes, size_t limit, struct document *doc,
                      struct django_form *ret_form)
{
    struct djcache file;
    *ret_form = (struct django_form){0};
    doc->expires_at_us = TIME_UNKNOWN;
    doc->versions[0] = version_of(bytes);
    if (!djcache_split(arena, bytes, &file, &doc->problem))
        return;
    doc->expires_at_us = file.expires_us;
    doc->versions[0] = version_of(file.value);
    django_decode(arena, file.value, limit, doc, ret_form);
    if (doc->problem.kind)
        return;
    if (ret_form->compression != COMPRESSION_ZLIB)
        err_set(&doc->problem, ERR_CORRUPT, "the value is not compressed: Django cannot read it");
    else if (file.expires_us < clock_now_us())
        err_set(&doc->problem, ERR_UNSUPPORTED,
                "expired: Django takes it for gone and deletes it when it is next read");
}

bool djcache_write(struct arena *arena, struct str header, const struct value *root,
                   const struct django_form *form, struct str *ret, struct err *err)
{
    static const char never[] = "\x80\x04N.";
    struct str value;
    if (!django_encode(arena, root, form, &value, err))
        return false;
    if (!header.ptr)
        header = (struct str){never, sizeof never - 1};
    char *bytes = arena_alloc(arena, header.len + value.len);
    memcpy(bytes, header.ptr, header.len);
    memcpy(bytes + header.len, value.ptr, value.len);
    *ret = (struct str){bytes, header.len + value.len};
    return true;
}

struct django_form djcache_form_new(const struct value *root)
{
    struct django_form form = django_form_new(root);
    form.compression = COMPRESSION_ZLIB;
    return form;
}
