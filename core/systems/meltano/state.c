#include "core/systems/meltano/state.h"

#include <string.h>

const char *const half_names[HALVES] = {"completed", "partial"};

/* --- ids -------------------------------------------------------------------------------------- */

static bool split_pair(struct str s, struct meltano_id *id)
{
    static const struct str to = {"-to-", 4};
    for (size_t i = s.len; i-- > 1;) { /* greedy: the last that leaves something on both sides */
        if (i + to.len >= s.len || memcmp(s.ptr + i, to.ptr, to.len) != 0)
            continue;
        struct str rest = str_sub(s, i + to.len, s.len);
        ptrdiff_t colon = str_index(str_sub(rest, 1, rest.len), ':'); /* lazy: the first one */
        id->extractor = str_sub(s, 0, i);
        id->loader = colon < 0 ? rest : str_sub(rest, 0, (size_t)colon + 1);
        id->suffix = colon < 0 ? STR_NULL : str_sub(rest, (size_t)colon + 2, rest.len);
        return true;
    }
    return false;
}

bool meltano_id_parse(struct str id, struct meltano_id *ret)
{
    if (str_ends(id, ":") || str_index(id, '\n') >= 0)
        return false;
    for (size_t i = id.len; i-- > 1;) { /* greedy as well */
        struct meltano_id found;
        if (id.ptr[i] != ':' || !split_pair(str_sub(id, i + 1, id.len), &found))
            continue;
        found.environment = str_sub(id, 0, i);
        *ret = found;
        return true;
    }
    return false;
}

/* --- merging ---------------------------------------------------------------------------------- */

/* The value under one key after merging `src` over `dst`, both present. */
static bool merge_key(struct arena *a, const struct value *src, const struct value *dst,
                      const struct value **ret, struct str *ret_conflict)
{
    if (!value_is_dict(src)) {
        *ret = src; /* arrays and null too: replaced, never joined */
        return true;
    }
    if (value_is_dict(dst))
        return meltano_merge(a, src, dst, ret, ret_conflict);
    *ret = dst; /* an empty object over a scalar leaves the scalar */
    if (value_count(src) > 0)
        *ret_conflict = STR("");
    return value_count(src) == 0;
}

bool meltano_merge(struct arena *a, const struct value *src, const struct value *dst,
                   const struct value **ret, struct str *ret_conflict)
{
    size_t most = value_count(dst) + value_count(src), n = 0;
    struct value_pair *pairs = arena_array(a, struct value_pair, most);
    for (size_t i = 0; i < value_count(dst); i++, n++) {
        pairs[n] = dst->dict.pairs[i];
        struct str key = pairs[n].key->text;
        const struct value *over = value_get_str(src, key);
        if (over && !merge_key(a, over, pairs[n].val, &pairs[n].val, ret_conflict)) {
            struct str below = *ret_conflict;
            *ret_conflict = arena_printf(a, "%.*s%.*s", STR_ARG(value_pointer_add(a, STR(""), key)),
                                         STR_ARG(below));
            return false;
        }
    }
    for (size_t i = 0; i < value_count(src); i++) {
        if (!value_get_str(dst, src->dict.pairs[i].key->text))
            pairs[n++] = src->dict.pairs[i];
    }
    *ret = value_dict(a, pairs, n);
    return true;
}

/* --- a root, taken apart ---------------------------------------------------------------------- */

static enum half_kind kind_of(const struct value *half)
{
    if (!half)
        return HALF_MISSING;
    if (value_is_dict(half))
        return HALF_OBJECT;
    return value_is_null(half) ? HALF_NULL : HALF_WRONG;
}

void meltano_state_of(const struct value *root, struct arena *a, struct meltano_state *ret)
{
    *ret = (struct meltano_state){.unknown = value_count(root), .conflict = STR_NULL};
    bool whole = true;
    for (int h = 0; h < HALVES; h++) {
        const struct value *half = value_get(root, half_names[h]);
        /* What is no object has no halves, and Meltano crashes on it (meltano.md 10, S6). */
        ret->kind[h] = root && !value_is_dict(root) ? HALF_WRONG : kind_of(half);
        ret->half[h] = ret->kind[h] == HALF_OBJECT ? half : value_empty_dict(a);
        ret->unknown -= half != NULL;
        whole = whole && (ret->kind[h] == HALF_OBJECT || ret->kind[h] == HALF_MISSING);
    }
    ret->bare = value_count(root) > 0 && ret->unknown == value_count(root);
    if (whole &&
        !meltano_merge(a, ret->half[PARTIAL], ret->half[COMPLETED], &ret->merged, &ret->conflict))
        ret->merged = NULL;
    ret->valid = value_get(ret->merged, "singer_state") != NULL;
}

struct str meltano_damage(const struct meltano_state *state, struct arena *a)
{
    for (int h = 0; h < HALVES; h++) {
        if (state->kind[h] == HALF_NULL)
            return arena_printf(a, "%s is null", half_names[h]);
        if (state->kind[h] == HALF_WRONG)
            return arena_printf(a, "%s is no object", half_names[h]);
    }
    if (state->conflict.ptr)
        return arena_printf(a, "partial has an object where completed has none, at %.*s",
                            STR_ARG(state->conflict));
    return STR_NULL;
}

bool meltano_not_nested(const struct value *half)
{
    return value_count(half) > 0 && !value_get(half, "singer_state");
}

bool meltano_resumes(const struct meltano_state *state)
{
    const struct value *singer = value_get(state->merged, "singer_state");
    return singer && value_truth(singer);
}

/* --- streams ---------------------------------------------------------------------------------- */

const struct value *meltano_bookmarks(const struct value *half, const char **ret_pointer)
{
    const struct value *singer = value_get(half, "singer_state");
    const struct value *bookmarks = value_get(singer ? singer : half, "bookmarks");
    const char *pointer = singer ? "/singer_state/bookmarks" : "/bookmarks";
    if (!bookmarks && singer) {
        bookmarks = singer;
        pointer = "/singer_state";
    }
    if (ret_pointer)
        *ret_pointer = pointer;
    return value_is_dict(bookmarks) ? bookmarks : NULL;
}

/* Not a stream: where a tap without the level of bookmarks says what it was at. */
static bool is_stream(struct str key)
{
    return !str_is(key, "currently_syncing");
}

size_t meltano_streams(const struct meltano_state *state, struct arena *a, struct str **ret)
{
    const struct value *first = meltano_bookmarks(state->half[COMPLETED], NULL);
    const struct value *second = meltano_bookmarks(state->half[PARTIAL], NULL);
    struct str *names = arena_array(a, struct str, value_count(first) + value_count(second));
    size_t n = 0;
    for (size_t i = 0; i < value_count(first); i++) {
        struct str name = first->dict.pairs[i].key->text;
        if (is_stream(name))
            names[n++] = name;
    }
    for (size_t i = 0; i < value_count(second); i++) {
        struct str name = second->dict.pairs[i].key->text;
        if (is_stream(name) && !value_get_str(first, name))
            names[n++] = name;
    }
    *ret = names;
    return n;
}

static bool is_position(const struct value *v)
{
    return v && (v->type == VALUE_STR || v->type == VALUE_INT || v->type == VALUE_FLOAT);
}

/* Fields of a bookmark that say how, not how far. */
static bool is_manner(struct str key)
{
    static const char *const manners[] = {
        "replication_key",    "replication_key_signpost", "starting_replication_value",
        "replication_method", "last_replication_method",  "version"};
    for (size_t i = 0; i < sizeof manners / sizeof manners[0]; i++) {
        if (str_is(key, manners[i]))
            return true;
    }
    return false;
}

/* The SDK names the field; older taps have one field, named like the replication key. */
static bool position_key(const struct value *bookmark, struct str *ret)
{
    static const struct str sdk = {"replication_key_value", 21};
    size_t found = 0;
    if (is_position(value_get_str(bookmark, sdk))) {
        *ret = sdk;
        return true;
    }
    for (size_t i = 0; value_is_dict(bookmark) && i < bookmark->dict.n; i++) {
        struct str key = bookmark->dict.pairs[i].key->text;
        if (!is_position(bookmark->dict.pairs[i].val) || is_manner(key))
            continue;
        *ret = key;
        found++;
    }
    return found == 1;
}

size_t meltano_positions(const struct value *bookmark, struct arena *a, struct str **ret)
{
    const struct value *partitions = value_get(bookmark, "partitions");
    size_t most = value_count(partitions) + 1, n = 0;
    struct str *pointers = arena_array(a, struct str, most);
    struct str key;
    *ret = pointers;
    if (is_position(bookmark)) {
        pointers[0] = STR("");
        return 1;
    }
    if (position_key(bookmark, &key))
        pointers[n++] = value_pointer_add(a, STR(""), key);
    for (size_t i = 0; value_is_list(partitions) && i < partitions->list.n; i++) {
        if (!position_key(partitions->list.items[i], &key))
            return 0; /* some partitions could be moved and others not: none is */
        pointers[n++] = value_pointer_add(a, arena_printf(a, "/partitions/%zu", i), key);
    }
    return n;
}

struct str meltano_bookmark_text(const struct value *bookmark, struct arena *a)
{
    enum { TEXT_MAX = 60 };
    if (!bookmark)
        return STR_NULL;
    size_t partitions = value_count(value_get(bookmark, "partitions"));
    if (partitions)
        return arena_printf(a, "%zu partition%s", partitions, partitions == 1 ? "" : "s");
    struct str *pointers;
    const struct value *position = bookmark;
    if (meltano_positions(bookmark, a, &pointers) == 1)
        value_pointer_get(bookmark, pointers[0], &position, NULL);
    if (value_is_str(position) && position->text.len <= TEXT_MAX)
        return position->text;
    return value_repr(a, position, TEXT_MAX);
}

struct str meltano_names(const struct value *dict, const struct value *skip, struct arena *a)
{
    enum { NAMED = 6 };
    struct sbuf out = SBUF_INIT;
    size_t n = 0;
    for (size_t i = 0; i < value_count(dict); i++) {
        struct str name = dict->dict.pairs[i].key->text;
        if (value_get_str(skip, name) || !is_stream(name))
            continue;
        if (n++ >= NAMED)
            continue;
        sbuf_cstr(&out, n > 1 ? ", " : "");
        sbuf_str(&out, name);
    }
    if (n > NAMED)
        sbuf_printf(&out, ", %zu more", n - NAMED);
    return arena_take(a, &out);
}
