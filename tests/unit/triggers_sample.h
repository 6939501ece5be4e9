/* The sample sessions of formats/triggers.md 5.9 and 6, in tests/data/triggers: NAME.b64 as pickled
 * by the framework, NAME.json as a JSON serializer keeps the same session (5.8). */
#ifndef PENSTOCK_TEST_TRIGGERS_SAMPLE_H
#define PENSTOCK_TEST_TRIGGERS_SAMPLE_H

#include "tests/unit/test.h"

#include "core/base/arena.h"
#include "core/json.h"
#include "core/pickle.h"

#include <stdio.h>
#include <string.h>

enum sample_form { SAMPLE_JSON, SAMPLE_PICKLE, SAMPLE_FORMS };

static inline struct str sample_file(struct arena *arena, const char *name, const char *suffix)
{
    char path[256];
    snprintf(path, sizeof path, "tests/data/triggers/%s.%s", name, suffix);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char *bytes = arena_alloc(arena, 1 << 16);
    size_t n = fread(bytes, 1, 1 << 16, f);
    fclose(f);
    return (struct str){bytes, n};
}

static inline struct str sample_base64(struct arena *arena, struct str text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = arena_alloc(arena, text.len);
    size_t n = 0, bits = 0;
    uint32_t word = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *at = text.ptr[i] ? strchr(digits, text.ptr[i]) : NULL;
        if (!at)
            continue;
        word = word << 6 | (uint32_t)(at - digits);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[n++] = (char)(word >> bits & 0xff);
        }
    }
    return (struct str){out, n};
}

static inline struct str sample_pickle(struct arena *arena, const char *name)
{
    return sample_base64(arena, sample_file(arena, name, "b64"));
}

static inline const struct value *sample(struct arena *arena, const char *name,
                                         enum sample_form form)
{
    const struct value *root = NULL;
    struct err err = {0};
    struct pickle_info info;
    bool ok = form == SAMPLE_JSON
                  ? json_read(arena, sample_file(arena, name, "json"), &root, &err)
                  : pickle_read(arena, sample_pickle(arena, name), &root, &info, &err);
    if (!ok)
        fail_msg("%s: %s", name, err.text);
    return root;
}

#endif
