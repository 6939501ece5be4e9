/* Whatever a properties file of VDK or its ids are: what is salvaged of a torn one is sound, and
 * one source that is put or taken leaves the text sound and the other members as they were. */
#include "tests/fuzz/fuzz.h"

#include "core/json.h"
#include "core/systems/vdk/properties.h"

enum { MEMORY_LIMIT = 256 << 20, SOURCES_MAX = 8 };

static bool is_sound(struct arena *a, struct str text, const struct value **ret)
{
    return json_read_input(a, text, ret, NULL);
}

static void check_ids(struct arena *a, struct str id)
{
    struct str job, source;
    if (!vdk_id_parse(a, id, &job, &source))
        return;
    struct str again = source.ptr ? vdk_id_of(a, job, source) : vdk_id_of_job(a, job);
    must(str_eq(again, id));
}

static void check_salvage(struct arena *a, struct str text, bool file)
{
    struct str kept, lost;
    const struct value *v;
    if (vdk_salvage(a, text, file, &kept, &lost))
        must(is_sound(a, kept, &v));
}

/* The other members of the job, in order, byte for byte. */
static void check_others(struct str before, struct str after)
{
    size_t at = 0, there = 0;
    struct json_member was, is;
    while (json_next_member(before, &at, &was) && json_next_member(after, &there, &is)) {
        must(str_eq(was.key, is.key));
        must(str_eq(was.key, STR("\"" VDK_KEY "\"")) || str_eq(was.value, is.value));
    }
}

static void check_put(struct arena *a, struct str job, struct str name, struct str document)
{
    struct sbuf out = SBUF_INIT;
    struct err err = {0};
    const struct value *v;
    struct str found;
    if (vdk_put_source(job, name, document, false, &out, &err)) {
        must(is_sound(a, sbuf_view(&out), &v));
        check_others(job, sbuf_view(&out));
        must(vdk_find_source(sbuf_view(&out), name, &found, &err));
        must(document.ptr ? str_eq(found, document) : !found.ptr);
    } else {
        must(err.kind != ERR_NONE);
    }
    sbuf_release(&out);
}

static void check_job(struct arena *a, struct str job)
{
    struct json_member member;
    size_t at = 0;
    struct document doc = {.id = STR("job"), .label = STR("job")};
    for (size_t n = 0; n < SOURCES_MAX && vdk_next_source(job, &at, &member); n++) {
        const struct value *name;
        if (!json_read(a, member.key, &name, NULL) || !value_is_str(name))
            continue;
        check_put(a, job, name->text, STR("{\"x\": 1.10}"));
        check_put(a, job, name->text, STR_NULL);
    }
    check_put(a, job, STR("a new one"), STR("{}"));
    vdk_job_document(job, a, &doc);
    must(doc.root || doc.problem.kind != ERR_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct arena a = {.limit = MEMORY_LIMIT};
    const struct value *v;
    check_ids(&a, text);
    check_salvage(&a, text, true);
    check_salvage(&a, text, false);
    if (is_sound(&a, text, &v) && value_is_dict(v))
        check_job(&a, text);
    arena_release(&a);
    return 0;
}
