/* What can be kept of a text that a writer left torn (formats/vdk.md 2.3): VDK truncates a file and
 * then writes it, so what is there is the beginning, and sometimes the rest of a longer one behind
 * it. */
#include "core/systems/vdk/properties.h"

#include "core/json.h"
#include "core/json_span.h"

/* Objects are kept in part down to the groups of streams: half a stream state would be a position
 * that no source ever said. */
enum level { LEVEL_FILE, LEVEL_JOB, LEVEL_KEY, LEVEL_DOCUMENT, LEVEL_GROUP };

struct salvage {
    struct arena *a;
    struct sbuf out;
    struct str lost;
    size_t kept;
};

/* May the value of this member be kept in part? */
static bool goes_on(enum level level, struct str key)
{
    switch (level) {
    case LEVEL_FILE:
    case LEVEL_KEY:
        return true;
    case LEVEL_JOB:
        return str_is(key, "\"" VDK_KEY "\"");
    case LEVEL_DOCUMENT:
        return str_is(key, "\"streams\"") || str_is(key, "\"others\"");
    case LEVEL_GROUP:
        break;
    }
    return false;
}

static struct str pointer_to(struct salvage *s, struct str pointer, struct str key)
{
    const struct value *name;
    if (!key.ptr)
        return arena_printf(s->a, "%.*s/...", STR_ARG(pointer));
    if (!json_read(s->a, key, &name, NULL) || !value_is_str(name))
        return pointer;
    return value_pointer_add(s->a, pointer, name->text);
}

static bool is_sound(struct str value)
{
    const struct value *ignored;
    struct arena scratch = ARENA_INIT;
    bool sound = json_read_input(&scratch, value, &ignored, NULL);
    arena_release(&scratch);
    return sound;
}

static void member(struct salvage *s, bool *first, struct str key)
{
    sbuf_cstr(&s->out, *first ? "{" : ", ");
    *first = false;
    sbuf_str(&s->out, key);
    sbuf_cstr(&s->out, ": ");
}

static void object(struct salvage *s, struct str text, enum level level, struct str pointer);

/* A member that is cut or not sound: kept in part, or left out. */
static void broken(struct salvage *s, const struct json_member *m, enum level level,
                   struct str pointer, bool *first)
{
    s->lost = pointer_to(s, pointer, m->key);
    if (!m->value.ptr || m->value.ptr[0] != '{' || !goes_on(level, m->key) || !is_sound(m->key))
        return;
    member(s, first, m->key);
    object(s, m->value, level + 1, s->lost);
}

/* Writes the members of `text` that are whole. */
static void object(struct salvage *s, struct str text, enum level level, struct str pointer)
{
    struct json_member m;
    size_t at = 0;
    bool first = true;
    while (json_next_member(text, &at, &m)) {
        if (!is_sound(m.key) || !is_sound(m.value)) { /* what looks whole is not always */
            broken(s, &m, level, pointer, &first);
            continue;
        }
        member(s, &first, m.key);
        sbuf_str(&s->out, m.value);
        s->kept++;
    }
    struct str rest = str_trim(str_sub(text, at < text.len ? at : text.len, text.len));
    bool closed = rest.len && rest.ptr[0] == '}';
    if (!closed)
        broken(s, &m, level, pointer, &first);
    sbuf_cstr(&s->out, first ? "{}" : "}");
}

bool vdk_salvage(struct arena *a, struct str text, bool file, struct str *ret, struct str *ret_lost)
{
    struct salvage s = {.a = a, .out = SBUF_INIT, .lost = STR_NULL};
    struct str body = str_trim(text);
    if (!body.len || body.ptr[0] != '{')
        return false;
    object(&s, body, file ? LEVEL_FILE : LEVEL_DOCUMENT, STR(""));
    bool kept = s.kept > 0 && is_sound(sbuf_view(&s.out)); /* not, where it nests too deep */
    if (kept) {
        *ret = arena_str(a, sbuf_view(&s.out));
        *ret_lost = s.lost;
    }
    sbuf_release(&s.out);
    return kept;
}
