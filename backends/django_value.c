#include "backends/django_value.h"

#include "core/json.h"
#include "core/pickle.h"

enum { PROTOCOL_NEW = 4, PROTOCOL_PYTHON2 = 2 };

static const char *const python2_note = ", Python 2";

/* --- decoding -------------------------------------------------------------------------------- */

static void problem(struct document *doc, enum err_kind kind, const char *text)
{
    err_set(&doc->problem, kind, "%s", text);
}

/* True when `bytes` may be looked at further; *bytes is what was inside. */
static bool decompress(struct arena *arena, struct str *bytes, size_t limit, struct document *doc,
                       struct django_form *form)
{
    enum compression kind = compression_of(*bytes);
    struct str plain;
    if (kind == COMPRESSION_NONE)
        return true;
    if (!compression_is_built(kind)) {
        doc->format = str_of(compression_name(kind));
        err_set(&doc->problem, ERR_UNSUPPORTED,
                "compressed with %s, which this penstock was built without",
                compression_name(kind));
        return false;
    }
    switch (compression_expand(arena, kind, *bytes, limit, &plain)) {
    case EXPAND_OK:
        *bytes = plain;
        form->compression = kind;
        return true;
    case EXPAND_TOO_LARGE:
        err_set(&doc->problem, ERR_UNSUPPORTED, "expands to more than %zu MB: not read",
                limit >> 20);
        return false;
    case EXPAND_BROKEN:
        break;
    }
    return true; /* django-redis takes the bytes as they are then, 4.3 */
}

/* ", zlib" behind the name of a serializer. */
static struct str compression_note(struct arena *arena, const struct django_form *form)
{
    return form->compression ? arena_printf(arena, ", %s", compression_name(form->compression))
                             : STR("");
}

static bool is_integer(struct str s)
{
    if (str_starts(s, "-"))
        s = str_sub(s, 1, s.len);
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    }
    return s.len > 0;
}

/* (marker, session, expiry) of a HerdClient: 4.3. */
static bool is_herd(const struct value *v)
{
    if (v->type != VALUE_TUPLE || value_count(v) != 3)
        return false;
    const struct value *marker = value_at(v, 0);
    return marker->type == VALUE_CALL && marker->call.callable->type == VALUE_GLOBAL &&
           str_is(marker->call.callable->global.name, "Marker");
}

static void decode_pickle(struct arena *arena, struct str bytes, struct document *doc,
                          struct django_form *form)
{
    struct pickle_info info = {0};
    const struct value *v;
    if (!pickle_read(arena, bytes, &v, &info, &doc->problem))
        return;
    form->protocol = info.protocol < PROTOCOL_PYTHON2 ? PROTOCOL_PYTHON2 : info.protocol;
    const char *kind = "";
    if (is_herd(v)) {
        form->herd = v;
        v = value_at(v, 1);
        kind = ", herd";
    }
    doc->root = v;
    doc->format =
        arena_printf(arena, "pickle %d%s%s%.*s", info.protocol, kind,
                     info.python2 ? python2_note : "", STR_ARG(compression_note(arena, form)));
    if (info.cyclic)
        problem(doc, ERR_UNSUPPORTED, "a container contains itself: shown, not editable");
}

void django_decode(struct arena *arena, struct str bytes, size_t limit, struct document *doc,
                   struct django_form *ret_form)
{
    struct django_form form = {.codec = DJANGO_PICKLE};
    *ret_form = form;
    doc->root = NULL;
    doc->problem = (struct err){0};
    if (is_integer(bytes)) {
        problem(doc, ERR_CORRUPT, "an integer, not a session");
        doc->format = STR("integer");
        return;
    }
    if (!decompress(arena, &bytes, limit, doc, &form))
        return;
    unsigned char first = bytes.len ? (unsigned char)bytes.ptr[0] : 0;
    unsigned char second = bytes.len > 1 ? (unsigned char)bytes.ptr[1] : 0;
    if (first == '{') {
        form.codec = DJANGO_JSON;
        doc->format = arena_printf(arena, "json%.*s", STR_ARG(compression_note(arena, &form)));
        json_read(arena, bytes, &doc->root, &doc->problem);
    } else if (first == 0x80 || first == '(' || (first == '}' && second == 'q')) {
        decode_pickle(arena, bytes, doc, &form);
    } else if ((first & 0xf0) == 0x80) {
        doc->format = STR("msgpack");
        problem(doc, ERR_UNSUPPORTED, "msgpack: not editable here");
    } else {
        problem(doc, ERR_CORRUPT, "neither pickle nor JSON, nor compressed in a known way");
    }
    if (doc->root && !value_is_dict(doc->root) && !doc->problem.kind)
        problem(doc, ERR_CORRUPT, "not a session: the stored value is not a dict");
    *ret_form = form;
}

/* --- encoding -------------------------------------------------------------------------------- */

static bool encode_plain(struct arena *arena, const struct value *root,
                         const struct django_form *form, struct str *ret, struct err *err)
{
    struct sbuf out = SBUF_INIT;
    const struct value *whole = root;
    if (form->herd) {
        const struct value *items[] = {value_at(form->herd, 0), root, value_at(form->herd, 2)};
        whole = value_list(arena, VALUE_TUPLE, items, 3);
    }
    bool ok = form->codec == DJANGO_JSON ? json_write(&out, root, JSON_PYTHON, err)
                                         : pickle_write(&out, whole, form->protocol, err);
    if (ok)
        *ret = arena_str(arena, sbuf_view(&out));
    sbuf_release(&out);
    return ok;
}

bool django_encode(struct arena *arena, const struct value *root, const struct django_form *form,
                   struct str *ret, struct err *err)
{
    struct str plain, stored;
    if (!encode_plain(arena, root, form, &plain, err))
        return false;
    stored = plain;
    if (form->compression && !compression_pack(arena, form->compression, plain, &stored))
        return err_set(err, ERR_INTERNAL, "compressing failed");
    struct document again = {0};
    struct django_form read;
    django_decode(arena, stored, plain.len, &again, &read);
    if (!again.root || again.problem.kind || read.codec != form->codec ||
        !value_equal(again.root, root))
        return err_set(err, ERR_INTERNAL, "what was encoded does not decode to the same: %s",
                       again.problem.kind ? again.problem.text : "not written");
    *ret = stored;
    return true;
}

/* Looks at a bounded number of nodes: shared ones would otherwise be visited without end. */
static bool has_python2(const struct value *v, size_t *budget)
{
    if (!v || !*budget)
        return false;
    --*budget;
    if (v->type == VALUE_PY2STR)
        return true;
    if (v->type == VALUE_CALL)
        return has_python2(v->call.args, budget);
    bool list = v->type == VALUE_LIST || v->type == VALUE_TUPLE;
    for (size_t i = 0; list && i < v->list.n; i++) {
        if (has_python2(v->list.items[i], budget))
            return true;
    }
    for (size_t i = 0; v->type == VALUE_DICT && i < v->dict.n; i++) {
        if (has_python2(v->dict.pairs[i].key, budget) || has_python2(v->dict.pairs[i].val, budget))
            return true;
    }
    return false;
}

struct django_form django_form_new(const struct value *root)
{
    size_t budget = 1000000;
    return (struct django_form){.codec = DJANGO_PICKLE,
                                .protocol =
                                    has_python2(root, &budget) ? PROTOCOL_PYTHON2 : PROTOCOL_NEW};
}

static const struct value *time_value(struct arena *arena, const struct django_form *form,
                                      int64_t us)
{
    if (form->codec == DJANGO_PICKLE)
        return value_datetime(arena, us, form->protocol);
    /* Django's encoder: milliseconds, cut; no fraction when the microseconds are 0 (5.8). */
    struct str text = time_rfc3339(arena, us);
    text = str_sub(text, 0, text.len - 1);
    ptrdiff_t dot = str_index(text, '.');
    return value_str(arena, dot < 0 ? text : str_sub(text, 0, (size_t)dot + 4));
}

struct late {
    struct arena *arena;
    const struct django_form *form;
    int64_t now_us;
};

static const struct value *fill(void *ctx, enum value_late late)
{
    const struct late *l = ctx;
    if (late == LATE_NOW)
        return time_value(l->arena, l->form, l->now_us);
    return &value_null; /* sessions have no other late values */
}

const struct value *django_fill_late(struct arena *arena, const struct value *root,
                                     const struct django_form *form, int64_t now_us)
{
    struct late late = {arena, form, now_us};
    return value_fill_late(arena, root, fill, &late);
}
