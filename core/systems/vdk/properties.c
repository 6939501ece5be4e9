#include "core/systems/vdk/properties.h"

#include "core/json.h"
#include "core/json_span.h"

#include <string.h>

/* --- what is shown of a job ------------------------------------------------------------------- */

static const struct value *masked(struct arena *a, const struct value *v)
{
    bool open = v->type == VALUE_NULL || v->type == VALUE_BOOL || v->type == VALUE_INT ||
                v->type == VALUE_FLOAT;
    return open ? v : value_str(a, arena_printf(a, "(%s)", value_type_name(v->type)));
}

const struct value *vdk_job_root(struct arena *a, const struct value *tree)
{
    if (!value_is_dict(tree))
        return masked(a, tree);
    struct value_pair *pairs = arena_array(a, struct value_pair, value_count(tree));
    for (size_t i = 0; i < value_count(tree); i++) {
        pairs[i] = tree->dict.pairs[i];
        if (!str_is(pairs[i].key->text, VDK_KEY))
            pairs[i].val = masked(a, pairs[i].val);
    }
    return value_dict(a, pairs, value_count(tree));
}

const struct value *vdk_file_root(struct arena *a, const struct value *tree)
{
    if (!value_is_dict(tree))
        return masked(a, tree);
    struct value_pair *pairs = arena_array(a, struct value_pair, value_count(tree));
    for (size_t i = 0; i < value_count(tree); i++)
        pairs[i] =
            (struct value_pair){tree->dict.pairs[i].key, vdk_job_root(a, tree->dict.pairs[i].val)};
    return value_dict(a, pairs, value_count(tree));
}

/* --- what blocks a job ------------------------------------------------------------------------ */

/* Python's str.isspace over what can stand in a name: ASCII, NEL, no-break space and the blanks of
 * Unicode. */
static size_t blank_at(struct str s, size_t i)
{
    static const char *const wide[] = {
        "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
        "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
        "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
        "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};
    unsigned char c = (unsigned char)s.ptr[i];
    if (c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x1f))
        return 1;
    for (size_t k = 0; c >= 0xc2 && k < sizeof wide / sizeof wide[0]; k++) {
        size_t n = strlen(wide[k]);
        if (s.len - i >= n && memcmp(s.ptr + i, wide[k], n) == 0)
            return n;
    }
    return 0;
}

static bool has_blank(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (blank_at(name, i))
            return true;
    }
    return false;
}

static enum vdk_block block_of(const struct value_pair *pair)
{
    if (str_is(pair->key->text, VDK_KEY) && !value_is_dict(pair->val))
        return value_is_str(pair->val) ? VDK_KEY_STRING : VDK_KEY_WRONG;
    if (pair->val->type == VALUE_BOOL)
        return VDK_BOOLEAN;
    return has_blank(pair->key->text) ? VDK_BLANK : VDK_NO_BLOCK;
}

enum vdk_block vdk_next_block(const struct value *job, size_t *at, const struct value_pair **ret)
{
    *ret = NULL;
    if (!value_is_dict(job))
        return (*at)++ ? VDK_NO_BLOCK : VDK_NOT_OBJECT;
    while (*at < value_count(job)) {
        *ret = &job->dict.pairs[(*at)++];
        enum vdk_block block = block_of(*ret);
        if (block != VDK_NO_BLOCK)
            return block;
    }
    return VDK_NO_BLOCK;
}

bool vdk_is_blocked(const struct value *job)
{
    size_t at = 0;
    const struct value_pair *pair;
    return vdk_next_block(job, &at, &pair) != VDK_NO_BLOCK;
}

/* --- mending ---------------------------------------------------------------------------------- */

static const struct value *without_blanks(struct arena *a, struct str name)
{
    struct sbuf out = SBUF_INIT;
    for (size_t i = 0, n; i < name.len; i += n ? n : 1) {
        n = blank_at(name, i);
        sbuf_char(&out, n ? '_' : name.ptr[i]);
    }
    const struct value *key = value_str(a, sbuf_view(&out));
    sbuf_release(&out);
    return key;
}

static bool mend_key(struct arena *a, const struct value *was, const struct value **ret,
                     struct err *err)
{
    const struct value *tree = NULL;
    if (value_is_null(was))
        tree = value_empty_dict(a);
    else if (!value_is_str(was) || !json_read(a, was->text, &tree, NULL) || !value_is_dict(tree)) {
        err_set(err, ERR_REFUSED,
                VDK_KEY " is a %s that holds no object: what it should be cannot "
                        "be told",
                value_type_name(was->type));
        return err_hint(err, "an undo, or a copy of the job's state from elsewhere");
    }
    *ret = tree;
    return true;
}

bool vdk_unblock(struct arena *a, const struct value *job, const struct value **ret,
                 struct err *err)
{
    if (value_is_null(job)) {
        *ret = value_empty_dict(a);
        return true;
    }
    if (!value_is_dict(job))
        return err_set(err, ERR_REFUSED, "the properties of the job are a %s, not an object",
                       value_type_name(job->type));
    size_t n = value_count(job);
    struct value_pair *pairs = arena_array(a, struct value_pair, n);
    for (size_t i = 0; i < n; i++) {
        pairs[i] = job->dict.pairs[i];
        bool is_key = str_is(pairs[i].key->text, VDK_KEY);
        if (is_key && !value_is_dict(pairs[i].val) &&
            !mend_key(a, pairs[i].val, &pairs[i].val, err))
            return false;
        if (pairs[i].val->type == VALUE_BOOL)
            pairs[i].val = value_int(a, pairs[i].val->boolean);
        if (!has_blank(pairs[i].key->text))
            continue;
        pairs[i].key = without_blanks(a, pairs[i].key->text);
        if (value_get_str(job, pairs[i].key->text))
            return err_set(err, ERR_REFUSED, "property '%.*s' is there already",
                           STR_ARG(pairs[i].key->text));
    }
    *ret = value_dict(a, pairs, n);
    return true;
}
