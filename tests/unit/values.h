/* Values in tests, read from JSON and written as it. Texts are copied; a text that is none fails
 * the test. */
#ifndef PENSTOCK_TEST_VALUES_H
#define PENSTOCK_TEST_VALUES_H

#include "tests/unit/test.h"

#include "core/json.h"

static inline const struct value *json_value(struct arena *arena, const char *json)
{
    const struct value *v = NULL;
    struct err err = {0};
    if (json && !json_read(arena, arena_str(arena, str_of(json)), &v, &err))
        fail_msg("%s: %s", json, err.text);
    return v;
}

static inline struct str json_text(struct arena *arena, const struct value *v)
{
    struct sbuf out = SBUF_INIT;
    struct err err = {0};
    if (!json_write(&out, v, JSON_PYTHON, &err))
        fail_msg("%s", err.text);
    return arena_take(arena, &out);
}

#endif
