#include "core/json_span.h"

#include "core/json.h"

#include <string.h>

static void skip_blanks(struct str s, size_t *at)
{
    while (*at < s.len && s.ptr[*at] && strchr(" \t\n\r", s.ptr[*at]))
        (*at)++;
}

static void skip_string(struct str s, size_t *at)
{
    for ((*at)++; *at < s.len && s.ptr[*at] != '"'; (*at)++) {
        if (s.ptr[*at] == '\\')
            (*at)++;
    }
    (*at)++;
}

/* Behind the end of the text when the value is cut; a number or word that reaches the end counts as
 * cut, since more of it may have been to come. */
static void skip_value(struct str s, size_t *at)
{
    size_t depth = 0;
    while (*at < s.len) {
        char c = s.ptr[*at];
        if (c == '"') {
            skip_string(s, at);
        } else if (c == '{' || c == '[') {
            depth++;
            (*at)++;
        } else if (depth == 0 && c && strchr(",}] \t\n\r", c)) {
            return;
        } else {
            depth -= depth && (c == '}' || c == ']');
            (*at)++;
        }
        if (depth == 0 && (c == '"' || c == '}' || c == ']'))
            return;
    }
    *at = s.len + 1;
}

bool json_next_member(struct str s, size_t *at, struct json_member *ret)
{
    *ret = (struct json_member){STR_NULL, STR_NULL};
    skip_blanks(s, at);
    if (*at >= s.len || (s.ptr[*at] != '{' && s.ptr[*at] != ','))
        return false;
    (*at)++;
    skip_blanks(s, at);
    size_t key = *at;
    if (key >= s.len || s.ptr[key] != '"')
        return false;
    skip_string(s, at);
    if (*at > s.len)
        return false;
    ret->key = str_sub(s, key, *at);
    skip_blanks(s, at);
    if (*at >= s.len || s.ptr[*at] != ':')
        return false;
    (*at)++;
    skip_blanks(s, at);
    size_t value = *at;
    if (value >= s.len)
        return false;
    skip_value(s, at);
    bool whole = *at <= s.len;
    ret->value = str_sub(s, value, whole ? *at : s.len);
    return whole;
}

struct str json_member_bytes(struct str text, const struct value *dict, struct str key)
{
    size_t at = 0;
    struct json_member member;
    for (size_t i = 0; i < value_count(dict) && json_next_member(text, &at, &member); i++) {
        if (str_eq(dict->dict.pairs[i].key->text, key))
            return member.value;
    }
    return STR_NULL;
}

static bool is_named(struct str key, struct str name)
{
    if (!memchr(key.ptr, '\\', key.len))
        return str_eq(str_sub(key, 1, key.len - 1), name);
    struct arena scratch = ARENA_INIT;
    const struct value *text;
    bool same =
        json_read(&scratch, key, &text, NULL) && value_is_str(text) && str_eq(text->text, name);
    arena_release(&scratch);
    return same;
}

bool json_find_member(struct str object, struct str name, struct json_member *ret, size_t *ret_n)
{
    struct json_member member;
    size_t at = 0;
    *ret_n = 0;
    while (json_next_member(object, &at, &member)) {
        if (!is_named(member.key, name))
            continue;
        *ret = member;
        (*ret_n)++;
    }
    return *ret_n > 0;
}

/* From the end of the member before it, or to the beginning of the one behind. */
static void take_out(struct sbuf *out, struct str object, const struct json_member *gone)
{
    struct json_member member, before = {STR_NULL, STR_NULL}, behind = {STR_NULL, STR_NULL};
    size_t at = 0;
    bool seen = false;
    while (!behind.key.ptr && json_next_member(object, &at, &member)) {
        if (member.key.ptr == gone->key.ptr)
            seen = true;
        else if (seen)
            behind = member;
        else
            before = member;
    }
    const char *end = object.ptr + object.len;
    const char *from = gone->key.ptr, *to = gone->value.ptr + gone->value.len;
    if (behind.key.ptr)
        to = behind.key.ptr;
    else if (before.key.ptr)
        from = before.value.ptr + before.value.len;
    sbuf_add(out, object.ptr, (size_t)(from - object.ptr));
    sbuf_add(out, to, (size_t)(end - to));
}

static void put_behind(struct sbuf *out, struct str object, struct str name, struct str value,
                       bool dense)
{
    struct json_member member, last = {STR_NULL, STR_NULL};
    size_t at = 0;
    while (json_next_member(object, &at, &member))
        last = member;
    const char *end = object.ptr + object.len;
    const char *brace = memchr(object.ptr, '{', object.len);
    const char *from = last.value.ptr ? last.value.ptr + last.value.len : brace + 1;
    sbuf_add(out, object.ptr, (size_t)(from - object.ptr));
    if (last.value.ptr)
        sbuf_cstr(out, dense ? "," : ", ");
    json_quote(out, name);
    sbuf_cstr(out, dense ? ":" : ": ");
    sbuf_str(out, value);
    sbuf_add(out, from, (size_t)(end - from));
}

void json_splice(struct sbuf *out, struct str object, struct str name, struct str value, bool dense)
{
    struct json_member member;
    size_t n;
    bool there = json_find_member(object, name, &member, &n);
    if (!there && value.ptr) {
        put_behind(out, object, name, value, dense);
    } else if (there && !value.ptr) {
        take_out(out, object, &member);
    } else if (there) {
        const char *behind = member.value.ptr + member.value.len;
        sbuf_add(out, object.ptr, (size_t)(member.value.ptr - object.ptr));
        sbuf_str(out, value);
        sbuf_add(out, behind, (size_t)(object.ptr + object.len - behind));
    } else {
        sbuf_str(out, object);
    }
}
