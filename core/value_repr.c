/* One line for people. */
#include "core/value.h"

#include "core/base/text.h"
#include "core/json.h"
#include "core/value_impl.h"

#include <string.h>

struct repr {
    struct sbuf out;
    size_t max;
};

static bool full(const struct repr *r)
{
    return r->out.len > r->max;
}

static void repr_value(struct repr *r, const struct value *v);

/* Text in double quotes as JSON has it, characters beyond ASCII left as they are. */
static void repr_text(struct repr *r, struct str s)
{
    static const char *const short_escapes[] = {
        ['"'] = "\\\"", ['\\'] = "\\\\", ['\b'] = "\\b", ['\f'] = "\\f",
        ['\n'] = "\\n", ['\r'] = "\\r",  ['\t'] = "\\t"};
    enum { ESCAPES = sizeof short_escapes / sizeof short_escapes[0] };
    sbuf_char(&r->out, '"');
    for (size_t i = 0; i < s.len && !full(r); i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < ESCAPES && short_escapes[c])
            sbuf_cstr(&r->out, short_escapes[c]);
        else if (c < 0x20 || c == 0x7f)
            sbuf_printf(&r->out, "\\u%04x", c);
        else
            sbuf_char(&r->out, (char)c);
    }
    sbuf_char(&r->out, '"');
}

static void repr_bytes(struct repr *r, const char *prefix, struct str s)
{
    sbuf_cstr(&r->out, prefix);
    sbuf_char(&r->out, '\'');
    for (size_t i = 0; i < s.len && !full(r); i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == '\n')
            sbuf_cstr(&r->out, "\\n");
        else if (c < 0x20 || c >= 0x7f)
            sbuf_printf(&r->out, "\\x%02x", c);
        else if (c == '\'' || c == '\\')
            sbuf_printf(&r->out, "\\%c", c);
        else
            sbuf_char(&r->out, (char)c);
    }
    sbuf_char(&r->out, '\'');
}

static void repr_items(struct repr *r, const struct value *v, const char *open, const char *close)
{
    sbuf_cstr(&r->out, open);
    for (size_t i = 0; i < v->list.n && !full(r); i++) {
        if (i)
            sbuf_cstr(&r->out, ", ");
        repr_value(r, v->list.items[i]);
    }
    sbuf_cstr(&r->out, close);
}

static void repr_pairs(struct repr *r, const struct value *v)
{
    sbuf_char(&r->out, '{');
    for (size_t i = 0; i < v->dict.n && !full(r); i++) {
        if (i)
            sbuf_cstr(&r->out, ", ");
        repr_value(r, v->dict.pairs[i].key);
        sbuf_cstr(&r->out, ": ");
        repr_value(r, v->dict.pairs[i].val);
    }
    sbuf_char(&r->out, '}');
}

/* date(1990-02-28), time(10:00:00), datetime(2024-03-05T14:07:32.373463+02:00) */
static bool repr_moment(struct repr *r, const struct value *v)
{
    uint8_t date[4], clock[6], both[10];
    const struct value *state = value_at(v->call.args, 0);
    if (value_is_call_of(v, "datetime", "date") && value_bytes_exact(state, date, sizeof date)) {
        sbuf_printf(&r->out, "date(%04d-%02d-%02d)", date[0] << 8 | date[1], date[2], date[3]);
        return true;
    }
    bool is_time =
        value_is_call_of(v, "datetime", "time") && value_bytes_exact(state, clock, sizeof clock);
    bool is_both =
        value_is_call_of(v, "datetime", "datetime") && value_bytes_exact(state, both, sizeof both);
    if (!is_time && !is_both)
        return false;
    if (is_both) {
        sbuf_printf(&r->out, "datetime(%04d-%02d-%02dT", both[0] << 8 | both[1], both[2] & 0x7f,
                    both[3]);
        memcpy(clock, both + 4, sizeof clock);
    } else {
        sbuf_cstr(&r->out, "time(");
    }
    sbuf_printf(&r->out, "%02d:%02d:%02d", clock[0] & 0x7f, clock[1], clock[2]);
    int us = clock[3] << 16 | clock[4] << 8 | clock[5];
    if (us)
        sbuf_printf(&r->out, ".%06d", us);
    const struct value *tz = value_at(v->call.args, 1);
    int64_t offset;
    if (tz && value_fixed_offset(tz, &offset)) {
        int minutes = (int)(offset < 0 ? -offset : offset) / 60;
        sbuf_printf(&r->out, "%c%02d:%02d", offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
    } else if (tz) {
        sbuf_cstr(&r->out, ", ");
        repr_value(r, tz);
    }
    sbuf_char(&r->out, ')');
    return true;
}

static void repr_call(struct repr *r, const struct value *v)
{
    if (repr_moment(r, v))
        return;
    if (value_is_call_of(v, "_codecs", "encode") && value_count(v->call.args) == 2) {
        repr_value(r, value_at(v->call.args, 0));
        sbuf_cstr(&r->out, ".encode(");
        repr_value(r, value_at(v->call.args, 1));
        sbuf_char(&r->out, ')');
        return;
    }
    sbuf_char(&r->out, '<');
    if (v->call.callable->type == VALUE_GLOBAL)
        sbuf_printf(&r->out, "%.*s.%.*s", STR_ARG(v->call.callable->global.module),
                    STR_ARG(v->call.callable->global.name));
    else
        repr_value(r, v->call.callable);
    if (v->call.args->type == VALUE_TUPLE) {
        repr_items(r, v->call.args, "(", "");
    } else {
        sbuf_cstr(&r->out, "(*");
        repr_value(r, v->call.args);
    }
    if (v->call.kwargs) {
        sbuf_cstr(&r->out, ", **");
        repr_value(r, v->call.kwargs);
    }
    sbuf_char(&r->out, ')');
    for (size_t i = 0; i < v->call.nsteps && !full(r); i++) {
        const struct value_call_step *step = &v->call.steps[i];
        sbuf_cstr(&r->out, i ? ", " : " ");
        if (step->key) {
            repr_value(r, step->key);
            sbuf_cstr(&r->out, ": ");
        }
        repr_value(r, step->val);
    }
    sbuf_char(&r->out, '>');
}

static void repr_late(struct repr *r, enum value_late late)
{
    static const char *const names[] = {
        [LATE_ID] = "<new id>", [LATE_NOW] = "<time of the write>", [LATE_UUID] = "<new uuid>"};
    sbuf_cstr(&r->out, names[late]);
}

static void repr_value(struct repr *r, const struct value *v)
{
    char number[32];
    if (full(r))
        return;
    switch (v->type) {
    case VALUE_NULL:
        sbuf_cstr(&r->out, "null");
        break;
    case VALUE_BOOL:
        sbuf_cstr(&r->out, v->boolean ? "true" : "false");
        break;
    case VALUE_INT:
        sbuf_str(&r->out, str_sub(v->text, 0, r->max + 1));
        break;
    case VALUE_FLOAT:
        if (v->token.ptr)
            sbuf_str(&r->out, str_sub(v->token, 0, r->max + 1));
        else
            sbuf_add(&r->out, number, json_float(v->real, number));
        break;
    case VALUE_STR:
        repr_text(r, v->text);
        break;
    case VALUE_BYTES:
        repr_bytes(r, "b", v->text);
        break;
    case VALUE_PY2STR:
        repr_bytes(r, "", v->text);
        break;
    case VALUE_BYTEARRAY:
        repr_bytes(r, "bytearray(b", v->text);
        sbuf_char(&r->out, ')');
        break;
    case VALUE_LIST:
        repr_items(r, v, "[", "]");
        break;
    case VALUE_TUPLE:
        repr_items(r, v, "(", v->list.n == 1 ? ",)" : ")");
        break;
    case VALUE_SET:
        repr_items(r, v, v->list.n ? "{" : "set(", v->list.n ? "}" : ")");
        break;
    case VALUE_FROZENSET:
        repr_items(r, v, "frozenset({", "})");
        break;
    case VALUE_DICT:
        repr_pairs(r, v);
        break;
    case VALUE_GLOBAL:
        sbuf_printf(&r->out, "<%.*s.%.*s>", STR_ARG(v->global.module), STR_ARG(v->global.name));
        break;
    case VALUE_CALL:
        repr_call(r, v);
        break;
    case VALUE_LATE:
        repr_late(r, v->late);
        break;
    case VALUE_CYCLE:
        sbuf_cstr(&r->out, "<the container around it>");
        break;
    case VALUE_TYPES:
        break;
    }
}

struct str value_repr(struct arena *a, const struct value *v, size_t max)
{
    struct repr r = {.max = max};
    if (v)
        repr_value(&r, v);
    if (full(&r)) {
        size_t keep = max > 3 ? max - 3 : 0;
        while (keep && ((unsigned char)r.out.ptr[keep] & 0xc0) == 0x80)
            keep--;
        r.out.len = keep;
        sbuf_cstr(&r.out, "...");
    }
    return arena_take(a, &r.out);
}
