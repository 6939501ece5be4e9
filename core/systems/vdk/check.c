/* What is wrong with a source, its job or its file, and the command that mends it. */
#include "core/systems/vdk/vdk.h"

#include "core/output.h"
#include "core/systems/vdk/properties.h"

#include <string.h>

struct check {
    const struct sheet_input *in;
    struct arena *a;
    struct finding *list;
};

static struct finding *add(struct check *c, const char *code, enum severity severity,
                           struct str text)
{
    return finding_add(&c->list, c->a, code, severity, c->in->row->label, "%.*s", STR_ARG(text));
}

static struct str fix(struct check *c, const char *verb)
{
    return arena_printf(c->a, "source %s %.*s", verb,
                        STR_ARG(output_id_word(c->a, c->in->row->id)));
}

/* What `source repair` would keep of a text that does not parse. */
static bool can_be_kept(struct check *c, const struct document *doc)
{
    struct str text, lost;
    return doc->head.len &&
           vdk_salvage(c->a, doc->head, vdk_kind_of(doc) == VDK_FILE, &text, &lost);
}

/* The verb that mends a damaged document. Where nothing can be kept, a source is cleared, because an
 * absent one reads as {}, and a file is for an undo. What should stand where a wrong type is only a
 * person knows. */
static const char *mending(struct check *c, const struct document *doc)
{
    bool source = vdk_kind_of(doc) == VDK_SOURCE;
    if (doc->problem.kind)
        return can_be_kept(c, doc) ? "repair" : source ? "clear" : NULL;
    if (!value_is_dict(doc->root))
        return value_is_str(doc->root) ? "repair" : "edit";
    for (int g = 0; g < VDK_GROUPS; g++) {
        const struct value *group = value_get(doc->root, vdk_groups[g]);
        bool empty = value_is_null(group) || (value_is_list(group) && !value_count(group));
        if (group && !value_is_dict(group) && !empty)
            return "edit";
    }
    return "repair";
}

static void check_damaged(struct check *c, struct str damage)
{
    bool file = vdk_kind_of(c->in->doc) == VDK_FILE;
    struct finding *f = add(
        c, "damaged", SEVERITY_ERROR,
        arena_printf(c->a, "%s: %.*s",
                     file ? "no job can read or write its properties" : "VDK fails on this state",
                     STR_ARG(damage)));
    const char *verb = mending(c, c->in->doc);
    if (verb)
        f->fix = fix(c, verb);
    if (verb && strcmp(verb, "clear") == 0)
        f->detail = STR("nothing of it can be kept: an undo or a copy from elsewhere keeps the "
                        "place; cleared, the source is read from its start");
    if (file)
        f->detail = STR("VDK rewrites the file in place; a job that is killed then, or cannot dump "
                        "a value, leaves it cut for all jobs");
}

static void check_job(struct check *c)
{
    static const char *const codes[] = {[VDK_NOT_OBJECT] = "job_not_object",
                                        [VDK_KEY_STRING] = "string_key",
                                        [VDK_KEY_WRONG] = "wrong_key",
                                        [VDK_BOOLEAN] = "blocked_boolean",
                                        [VDK_BLANK] = "blocked_name"};
    static const char *const texts[] = {
        [VDK_NOT_OBJECT] = "the properties of the job are no object: every run fails",
        [VDK_KEY_STRING] = VDK_KEY " is a text, not an object: every run dies on it",
        [VDK_KEY_WRONG] = VDK_KEY " is no object: every run dies on it",
        [VDK_BOOLEAN] = "is true or false: the job cannot write any state",
        [VDK_BLANK] = "has white space in its name: the job cannot write any state"};
    const struct value_pair *pair;
    enum vdk_block block;
    size_t at = 0;
    while ((block = vdk_next_block(c->in->doc->root, &at, &pair)) != VDK_NO_BLOCK) {
        bool named = block == VDK_BOOLEAN || block == VDK_BLANK;
        add(c, codes[block], SEVERITY_ERROR,
            named ? arena_printf(c->a, "property '%.*s' %s", STR_ARG(pair->key->text), texts[block])
                  : str_of(texts[block]))
            ->fix = fix(c, "repair");
    }
}

static void check_entries(struct check *c)
{
    for (int g = 0; g < VDK_GROUPS; g++) {
        const struct value *group = value_get(c->in->doc->root, vdk_groups[g]);
        for (size_t i = 0; i < value_count(group); i++) {
            const struct value_pair *pair = &group->dict.pairs[i];
            if (value_is_null(pair->val))
                add(c, g == VDK_STREAMS ? "null_stream" : "null_other", SEVERITY_ERROR,
                    arena_printf(c->a, "%s %.*s is null: most sources fail on it when they start",
                                 vdk_one[g], STR_ARG(pair->key->text)))
                    ->fix = fix(c, "repair");
            else if (g == VDK_STREAMS && !value_is_dict(pair->val))
                add(c, "scalar_stream", SEVERITY_WARNING,
                    arena_printf(c->a, "stream %.*s is a %s, not an object",
                                 STR_ARG(pair->key->text), value_type_name(pair->val->type)));
            else if (g == VDK_STREAMS && vdk_is_singer(pair->val))
                add(c, "singer_state", SEVERITY_INFO,
                    arena_printf(c->a,
                                 "stream %.*s holds the state of a Singer tap: VDK's singer source "
                                 "never hands it back, every run reads from the start",
                                 STR_ARG(pair->key->text)));
        }
    }
}

struct finding *vdk_check(const struct sheet_input *in)
{
    struct check c = {in, in->arena, NULL};
    const struct document *doc = in->doc;
    if (!doc || doc->absent || doc->truncated)
        return NULL;
    if (value_truth(value_get(in->facts, VDK_FACT_NO_JOB)))
        add(&c, "orphan", SEVERITY_INFO,
            STR("the control service knows no job of that name: a new one of that name would go on "
                "from this state"));
    struct str damage = doc->problem.kind                ? str_of(doc->problem.text)
                        : vdk_kind_of(doc) == VDK_SOURCE ? vdk_damage(doc->root)
                                                         : STR_NULL;
    if (damage.ptr)
        check_damaged(&c, damage);
    else if (vdk_kind_of(doc) == VDK_JOB)
        check_job(&c);
    else if (vdk_kind_of(doc) == VDK_SOURCE)
        check_entries(&c);
    return c.list;
}
