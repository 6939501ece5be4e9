#include "core/json_span.h"

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
