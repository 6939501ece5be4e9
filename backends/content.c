#include "backends/content.h"

#include "core/json.h"
#include "core/json_span.h"

#include <string.h>

struct str content_text(struct str image)
{
    ptrdiff_t end = str_index(image, '\n');
    return end < 0 ? STR_NULL : str_sub(image, (size_t)end + 1, image.len);
}

static bool text_of(struct str image, struct str *ret, struct err *err)
{
    *ret = content_text(image);
    return ret->ptr || err_set(err, ERR_CORRUPT, "the image is none of a text");
}

/* --- reading ---------------------------------------------------------------------------------- */

struct body {
    struct str text;          /* of the root */
    const struct value *root; /* NULL when the file does not parse */
};

static bool read_body(const struct content_format *format, struct str text, struct arena *arena,
                      struct body *ret, struct err *err)
{
    const struct value *whole;
    *ret = (struct body){text, NULL};
    if (text.len == 0)
        return err_set(err, ERR_CORRUPT, "the file is empty: a writer is at work, or it was cut");
    if (!json_read(arena, text, &whole, err))
        return false;
    ret->root = whole;
    if (format->wrapped) {
        ret->root = value_get(whole, "document");
        if (!ret->root)
            return err_set(err, ERR_CORRUPT, "there is no \"document\" in the file");
        ret->text = json_member_bytes(text, whole, STR("document"));
    }
    if (format->system->nparts > 1 && !value_is_dict(ret->root))
        return err_set(err, ERR_CORRUPT, "the file holds %s, not an object",
                       value_type_name(ret->root->type));
    return true;
}

static struct str part_bytes(const struct content_format *format, const struct body *body, size_t i)
{
    if (format->system->nparts == 1)
        return body->text;
    return json_member_bytes(body->text, body->root, str_of(format->system->parts[i]));
}

void content_head(struct str text, struct arena *arena, struct str *label, int64_t *expires_at_us)
{
    size_t at = 0;
    struct json_member member;
    while (json_next_member(text, &at, &member) && !str_is(member.key, "\"document\"")) {
        const struct value *value;
        if (!json_read(arena, member.value, &value, NULL) || !value_is_str(value))
            continue;
        if (str_is(member.key, "\"label\"") && value->text.len)
            *label = value->text;
        else if (str_is(member.key, "\"expires_at\""))
            time_parse(value->text, expires_at_us);
    }
}

struct document content_absent(const struct content_format *format, struct str id)
{
    return (struct document){.id = id,
                             .label = id,
                             .absent = true,
                             .updated_at_us = TIME_UNKNOWN,
                             .expires_at_us = TIME_NEVER,
                             .format = str_of(format->name ? format->name : "json")};
}

void content_read(const struct content_format *format, struct str image, struct arena *arena,
                  struct document *doc)
{
    struct str old;
    struct body body;
    doc->image = image;
    if (!text_of(image, &old, &doc->problem))
        return;
    bool whole = read_body(format, old, arena, &body, &doc->problem);
    doc->root = body.root;
    if (!body.root)
        doc->head = old;
    if (format->wrapped)
        content_head(old, arena, &doc->label, &doc->expires_at_us);
    for (size_t i = 0; i < format->system->nparts; i++) {
        struct str bytes = whole ? part_bytes(format, &body, i) : old;
        if (bytes.ptr)
            doc->versions[i] = version_of(bytes);
    }
}

/* --- writing ---------------------------------------------------------------------------------- */

static int part_index(const struct system *system, struct str key)
{
    for (size_t i = 0; i < system->nparts; i++) {
        if (str_is(key, system->parts[i]))
            return (int)i;
    }
    return -1;
}

static void put_member(struct sbuf *out, bool *first, struct str key)
{
    sbuf_cstr(out, *first ? "{" : ", ");
    *first = false;
    json_quote(out, key);
    sbuf_cstr(out, ": ");
}

/* One root of several parts. Values of parts in `change` come from `after`: out of `after_text`
 * byte for byte where that is given, else written in the dialect. */
static bool put_parts(const struct content_format *format, const struct body *now,
                      const struct value *after, struct str after_text, unsigned change,
                      struct sbuf *out, struct err *err)
{
    bool first = true;
    unsigned done = 0;
    for (size_t i = 0; i < value_count(after); i++) {
        struct str key = after->dict.pairs[i].key->text;
        const struct value *value = after->dict.pairs[i].val;
        int part = part_index(format->system, key);
        struct str bytes = STR_NULL;
        if (part >= 0)
            done |= 1u << part;
        if (part >= 0 && (change >> part & 1)) {
            bytes = after_text.ptr ? json_member_bytes(after_text, after, key) : STR_NULL;
        } else if (part >= 0) {
            bytes = json_member_bytes(now->text, now->root, key);
            if (!bytes.ptr)
                continue;
        } else if (value_equal(value, value_get_str(now->root, key))) {
            bytes = json_member_bytes(now->text, now->root, key);
        }
        put_member(out, &first, key);
        if (bytes.ptr)
            sbuf_str(out, bytes);
        else if (!json_write(out, value, format->style, err))
            return false;
    }
    for (size_t i = 0; i < format->system->nparts; i++) {
        struct str key = str_of(format->system->parts[i]);
        struct str bytes = json_member_bytes(now->text, now->root, key);
        if ((done | change) >> i & 1 || !bytes.ptr)
            continue;
        put_member(out, &first, key);
        sbuf_str(out, bytes);
    }
    sbuf_cstr(out, first ? "{}" : "}");
    return true;
}

static bool covers(const struct content_format *format, unsigned change)
{
    unsigned all = (1u << format->system->nparts) - 1;
    return (change & all) == all;
}

/* Puts a new root into the file around it: an envelope keeps its other members as they are. */
static bool put_around(const struct content_format *format, struct str text, struct str root_was,
                       struct sbuf *out, const struct sbuf *root)
{
    if (!format->wrapped) {
        sbuf_add(out, root->ptr, root->len);
    } else if (root_was.ptr) {
        size_t from = (size_t)(root_was.ptr - text.ptr);
        sbuf_add(out, text.ptr, from);
        sbuf_add(out, root->ptr, root->len);
        sbuf_str(out, str_sub(text, from + root_was.len, text.len));
    } else {
        sbuf_cstr(out, "{\"document\": ");
        sbuf_add(out, root->ptr, root->len);
        sbuf_cstr(out, "}");
    }
    return true;
}

static bool put_root(const struct content_format *format, const struct body *now,
                     const struct value *after, struct str after_text, unsigned change,
                     struct sbuf *root, struct err *err)
{
    if (format->system->nparts > 1)
        return put_parts(format, now, after, after_text, change, root, err);
    if (after_text.ptr) {
        sbuf_str(root, after_text);
        return true;
    }
    return json_write(root, after, format->style, err);
}

/* What is there now, as far as it can be kept: nothing of an absent or damaged file. */
static bool now_body(const struct content_format *format, const struct document *now,
                     unsigned change, struct arena *arena, struct str *ret_text, struct body *ret,
                     struct err *err)
{
    struct str text;
    *ret = (struct body){STR_NULL, NULL};
    *ret_text = STR_NULL;
    if (now->absent)
        return true;
    if (!text_of(now->image, &text, err))
        return false;
    struct err damage;
    if (read_body(format, text, arena, ret, &damage)) {
        *ret_text = text;
        return true;
    }
    *ret = (struct body){STR_NULL, NULL};
    return covers(format, change) ||
           err_set(err, ERR_CORRUPT, "the file is damaged (%s) and can only be replaced whole",
                   damage.text);
}

bool content_write(const struct content_format *format, const struct document *now,
                   const struct value *after, unsigned change, struct sbuf *out, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct sbuf root = SBUF_INIT;
    struct str text;
    struct body body;
    bool ok = now_body(format, now, change, &arena, &text, &body, err) &&
              put_root(format, &body, after, STR_NULL, change, &root, err) &&
              put_around(format, text, body.text, out, &root);
    sbuf_release(&root);
    arena_release(&arena);
    return ok;
}

bool content_restore(const struct content_format *format, const struct document *now,
                     struct str image, unsigned change, struct arena *arena, struct sbuf *out,
                     struct err *err)
{
    struct document old = {.id = now->id, .label = now->label};
    struct body then, body;
    struct str text, was;
    if (!text_of(image, &was, err))
        return false;
    content_read(format, image, arena, &old);
    bool others_changed = false;
    for (size_t i = 0; i < format->system->nparts; i++)
        others_changed |=
            !(change >> i & 1) && !now->absent && !version_eq(&old.versions[i], &now->versions[i]);
    if (!others_changed) {
        sbuf_str(out, was);
        return true;
    }
    struct sbuf root = SBUF_INIT;
    bool ok = read_body(format, was, arena, &then, err) &&
              now_body(format, now, change, arena, &text, &body, err) &&
              put_root(format, &body, then.root, then.text, change, &root, err) &&
              put_around(format, text, body.text, out, &root);
    sbuf_release(&root);
    return ok;
}

/* --- late values ------------------------------------------------------------------------------ */

struct late {
    const struct content_format *format;
    int64_t next_id, now_us;
    struct arena *arena;
};

static int64_t largest_id(const struct value *v)
{
    int64_t largest = 0, n;
    if (value_is_list(v)) {
        for (size_t i = 0; i < v->list.n; i++) {
            n = largest_id(v->list.items[i]);
            largest = n > largest ? n : largest;
        }
    }
    for (size_t i = 0; value_is_dict(v) && i < v->dict.n; i++) {
        const struct value_pair *pair = &v->dict.pairs[i];
        if (!str_is(pair->key->text, "id") || !value_to_i64(pair->val, &n))
            n = largest_id(pair->val);
        largest = n > largest ? n : largest;
    }
    return largest;
}

static const struct value *new_uuid(struct arena *arena)
{
    uint8_t bytes[16];
    char hex[33];
    random_bytes(bytes, sizeof bytes);
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    hex_encode(bytes, sizeof bytes, hex);
    return value_str(arena, arena_printf(arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
                                         hex + 16, hex + 20));
}

static const struct value *fill_late(void *ctx, enum value_late late)
{
    struct late *l = ctx;
    switch (late) {
    case LATE_ID:
        return value_int(l->arena, l->next_id++);
    case LATE_NOW:
        return l->format->now ? l->format->now(l->format->system->name, l->now_us, l->arena)
                              : value_str(l->arena, time_rfc3339(l->arena, l->now_us));
    case LATE_UUID:
        break;
    }
    return new_uuid(l->arena);
}

const struct value *content_fill_late(const struct content_format *format, const struct value *now,
                                      const struct value *after, int64_t now_us,
                                      struct arena *arena)
{
    int64_t there = largest_id(now), coming = largest_id(after);
    struct late late = {format, (there > coming ? there : coming) + 1, now_us, arena};
    return value_fill_late(arena, after, fill_late, &late);
}
