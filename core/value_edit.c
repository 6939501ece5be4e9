/* Functional edits: by key, by index, by JSON pointer. */
#include "core/value.h"

#include "core/value_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A dict with pair i's value replaced, or with a pair appended when i is the count. */
static const struct value *dict_put(struct arena *a, const struct value *dict, size_t i,
                                    const struct value *key, const struct value *val)
{
    size_t n = dict->dict.n;
    bool grows = i == n;
    struct value_pair *pairs = arena_array(a, struct value_pair, n + grows);
    if (n)
        memcpy(pairs, dict->dict.pairs, n * sizeof *pairs);
    pairs[i] = (struct value_pair){grows ? key : pairs[i].key, val};
    return value_dict_over(a, pairs, n + grows);
}

static const struct value *dict_remove(struct arena *a, const struct value *dict, size_t i)
{
    size_t n = dict->dict.n;
    struct value_pair *pairs = arena_array(a, struct value_pair, n - 1);
    memcpy(pairs, dict->dict.pairs, i * sizeof *pairs);
    memcpy(pairs + i, dict->dict.pairs + i + 1, (n - i - 1) * sizeof *pairs);
    return value_dict_over(a, pairs, n - 1);
}

const struct value *value_dict_with_str(struct arena *a, const struct value *dict, struct str key,
                                        const struct value *val)
{
    assert(value_is_dict(dict));
    struct value wanted = {.type = VALUE_STR, .text = key};
    ptrdiff_t i = value_dict_find(dict, &wanted);
    if (i >= 0)
        return dict_put(a, dict, (size_t)i, NULL, val);
    return dict_put(a, dict, dict->dict.n, value_str(a, key), val);
}

const struct value *value_dict_with(struct arena *a, const struct value *dict, const char *key,
                                    const struct value *val)
{
    return value_dict_with_str(a, dict, str_of(key), val);
}

const struct value *value_dict_without(struct arena *a, const struct value *dict, const char *key)
{
    struct value wanted = {.type = VALUE_STR, .text = str_of(key)};
    ptrdiff_t i = value_dict_find(dict, &wanted);
    return i < 0 ? dict : dict_remove(a, dict, (size_t)i);
}

const struct value *value_list_with(struct arena *a, const struct value *list, size_t i,
                                    const struct value *val)
{
    size_t n = list->list.n;
    assert(i <= n);
    bool grows = i == n;
    const struct value **items = arena_array(a, const struct value *, n + grows);
    if (n)
        memcpy(items, list->list.items, n * sizeof *items);
    items[i] = val;
    return value_list_over(a, list->type, items, n + grows);
}

static const struct value *value_list_without(struct arena *a, const struct value *list, size_t i)
{
    size_t n = list->list.n;
    assert(i < n);
    const struct value **items = arena_array(a, const struct value *, n - 1);
    memcpy(items, list->list.items, i * sizeof *items);
    memcpy(items + i, list->list.items + i + 1, (n - i - 1) * sizeof *items);
    return value_list_over(a, list->type, items, n - 1);
}

/* ---- JSON pointers ---- */

/* Shortened, for errors. */
enum { PIECE_SHOWN = 120 };

static int shown(struct str s)
{
    return s.len < PIECE_SHOWN ? (int)s.len : PIECE_SHOWN;
}

/* Cuts the first piece ("/a~1b" gives "a/b") off *rest. */
static struct str pointer_piece(struct arena *scratch, struct str *rest)
{
    size_t end = 1;
    while (end < rest->len && rest->ptr[end] != '/')
        end++;
    struct str raw = str_sub(*rest, 1, end);
    *rest = str_sub(*rest, end, rest->len);
    if (str_index(raw, '~') < 0)
        return raw;
    char *out = arena_alloc(scratch, raw.len);
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        bool escape = raw.ptr[i] == '~' && i + 1 < raw.len &&
                      (raw.ptr[i + 1] == '0' || raw.ptr[i + 1] == '1');
        out[len++] = !escape ? raw.ptr[i] : raw.ptr[++i] == '0' ? '~' : '/';
    }
    return (struct str){out, len};
}

void value_pointer_key(struct sbuf *out, const struct value *key)
{
    struct arena scratch = ARENA_INIT;
    struct str text = key->text;
    if (key->type != VALUE_STR) {
        sbuf_char(out, '#');
        text = value_repr(&scratch, key, PIECE_SHOWN);
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '~')
            sbuf_cstr(out, "~0");
        else if (text.ptr[i] == '/')
            sbuf_cstr(out, "~1");
        else
            sbuf_char(out, text.ptr[i]);
    }
    arena_release(&scratch);
}

/* Position in a dict; a piece that is no text key may be the #repr of another kind of key. */
static ptrdiff_t dict_position(const struct value *dict, struct str piece)
{
    struct value wanted = {.type = VALUE_STR, .text = piece};
    ptrdiff_t found = value_dict_find(dict, &wanted);
    if (found >= 0 || !str_starts(piece, "#"))
        return found;
    struct arena scratch = ARENA_INIT;
    struct str repr = str_sub(piece, 1, piece.len);
    for (size_t i = 0; i < dict->dict.n && found < 0; i++) {
        const struct value *key = dict->dict.pairs[i].key;
        if (key->type != VALUE_STR && str_eq(value_repr(&scratch, key, PIECE_SHOWN), repr))
            found = (ptrdiff_t)i;
    }
    arena_release(&scratch);
    return found;
}

/* Position in a list: digits without leading zeros, below n. */
static ptrdiff_t list_position(const struct value *list, struct str piece)
{
    uint64_t i;
    if (!str_u64(piece, &i) || (piece.len > 1 && piece.ptr[0] == '0') || i >= list->list.n)
        return -1;
    return (ptrdiff_t)i;
}

static bool pointer_check(struct str pointer, struct err *err)
{
    if (pointer.len == 0 || pointer.ptr[0] == '/')
        return true;
    return err_set(err, ERR_INVALID, "a path starts with '/': %.*s", shown(pointer), pointer.ptr);
}

/* `rest` is what of the pointer lies behind the piece. */
static bool missing(struct str pointer, struct str rest, struct str piece, const struct value *in,
                    struct err *err)
{
    size_t upto = pointer.len - rest.len;
    while (upto && pointer.ptr[upto - 1] != '/')
        upto--;
    struct str parent = str_sub(pointer, 0, upto ? upto - 1 : 0);
    bool container = value_is_dict(in) || value_has_items(in);
    return err_set(err, ERR_NOT_FOUND, "no \"%.*s\" in %.*s%s%s", shown(piece), piece.ptr,
                   parent.len ? shown(parent) : 8, parent.len ? parent.ptr : "the root",
                   container ? "" : ", which holds: ", container ? "" : value_type_name(in->type));
}

/* One step down; NULL when there is nothing. */
static const struct value *child_at(const struct value *v, struct str piece)
{
    if (value_is_dict(v)) {
        ptrdiff_t i = dict_position(v, piece);
        return i < 0 ? NULL : v->dict.pairs[i].val;
    }
    ptrdiff_t i = value_has_items(v) ? list_position(v, piece) : -1;
    return i < 0 ? NULL : v->list.items[i];
}

bool value_pointer_get(const struct value *root, struct str pointer, const struct value **ret,
                       struct err *err)
{
    if (!pointer_check(pointer, err))
        return false;
    struct arena scratch = ARENA_INIT;
    struct str rest = pointer;
    const struct value *v = root ? root : &value_null;
    bool found = true;
    while (rest.len && found) {
        struct str piece = pointer_piece(&scratch, &rest);
        const struct value *child = child_at(v, piece);
        found = child || missing(pointer, rest, piece, v, err);
        v = child;
    }
    arena_release(&scratch);
    if (found)
        *ret = v;
    return found;
}

/* An edit by pointer: val NULL removes. */
struct pointer_edit {
    struct arena *arena, scratch;
    struct str pointer;
    const struct value *val;
};

static bool edit_last(struct pointer_edit *e, const struct value *v, struct str piece,
                      const struct value **ret, struct err *err)
{
    if (value_is_dict(v)) {
        ptrdiff_t i = dict_position(v, piece);
        if (!e->val && i < 0)
            return missing(e->pointer, STR(""), piece, v, err);
        if (!e->val)
            *ret = dict_remove(e->arena, v, (size_t)i);
        else if (i >= 0)
            *ret = dict_put(e->arena, v, (size_t)i, NULL, e->val);
        else
            *ret = dict_put(e->arena, v, v->dict.n, value_str(e->arena, piece), e->val);
        return true;
    }
    if (!value_has_items(v))
        return missing(e->pointer, STR(""), piece, v, err);
    bool append = e->val && str_is(piece, "-");
    ptrdiff_t i = append ? (ptrdiff_t)v->list.n : list_position(v, piece);
    if (i < 0)
        return missing(e->pointer, STR(""), piece, v, err);
    *ret = e->val ? value_list_with(e->arena, v, (size_t)i, e->val)
                  : value_list_without(e->arena, v, (size_t)i);
    return true;
}

/* Goes no deeper than the tree, which the readers bound. */
static bool edit_below(struct pointer_edit *e, const struct value *v, struct str rest,
                       const struct value **ret, struct err *err)
{
    struct str piece = pointer_piece(&e->scratch, &rest);
    if (!rest.len)
        return edit_last(e, v, piece, ret, err);
    const struct value *child = child_at(v, piece), *edited;
    if (!child)
        return missing(e->pointer, rest, piece, v, err);
    if (!edit_below(e, child, rest, &edited, err))
        return false;
    if (value_is_dict(v))
        *ret = dict_put(e->arena, v, (size_t)dict_position(v, piece), NULL, edited);
    else
        *ret = value_list_with(e->arena, v, (size_t)list_position(v, piece), edited);
    return true;
}

static bool pointer_edit(struct arena *a, const struct value *root, struct str pointer,
                         const struct value *val, const struct value **ret, struct err *err)
{
    struct pointer_edit e = {.arena = a, .pointer = pointer, .val = val};
    bool ok = edit_below(&e, root ? root : &value_null, pointer, ret, err);
    arena_release(&e.scratch);
    return ok;
}

bool value_pointer_with(struct arena *a, const struct value *root, struct str pointer,
                        const struct value *val, const struct value **ret, struct err *err)
{
    if (!pointer_check(pointer, err))
        return false;
    if (pointer.len)
        return pointer_edit(a, root, pointer, val, ret, err);
    *ret = val;
    return true;
}

bool value_pointer_without(struct arena *a, const struct value *root, struct str pointer,
                           const struct value **ret, struct err *err)
{
    if (!pointer_check(pointer, err))
        return false;
    if (pointer.len)
        return pointer_edit(a, root, pointer, NULL, ret, err);
    return err_set(err, ERR_INVALID, "the root cannot be taken out of itself");
}
