/* A job's properties as stored text: the document of one source found, replaced, added, taken out,
 * every other byte left as it is. */
#include "core/systems/vdk/properties.h"

#include "core/json.h"
#include "core/systems/vdk/vdk.h"

#include <string.h>

/* --- finding ---------------------------------------------------------------------------------- */

static bool is_object(struct str text)
{
    struct str body = str_trim(text);
    return body.len && body.ptr[0] == '{';
}

static bool find_once(struct str object, struct str name, struct str *ret, struct err *err)
{
    struct json_member member;
    size_t n;
    *ret = STR_NULL;
    if (!json_find_member(object, name, &member, &n))
        return true;
    *ret = member.value;
    return n == 1 || err_set(err, ERR_CORRUPT, "'%.*s' stands there %zu times; VDK takes the last",
                             STR_ARG(name), n);
}

/* The text of VDK_KEY's object; ptr NULL: there is none yet. */
static bool find_key(struct str job, struct str *ret, struct err *err)
{
    *ret = STR_NULL;
    if (!job.ptr)
        return true;
    if (!is_object(job))
        return err_set(err, ERR_CORRUPT, "the properties of the job are no object");
    if (!find_once(job, STR(VDK_KEY), ret, err))
        return false;
    return !ret->ptr || is_object(*ret) ||
           err_set(err, ERR_CORRUPT, VDK_KEY " is no object: every run of the job dies on it");
}

bool vdk_next_source(struct str job, size_t *at, struct json_member *ret)
{
    struct json_member key;
    size_t n;
    return is_object(job) && json_find_member(job, STR(VDK_KEY), &key, &n) &&
           is_object(key.value) && json_next_member(key.value, at, ret);
}

bool vdk_find_source(struct str job, struct str source, struct str *ret, struct err *err)
{
    struct str key;
    *ret = STR_NULL;
    return find_key(job, &key, err) && (!key.ptr || find_once(key, source, ret, err));
}

/* --- replacing -------------------------------------------------------------------------------- */

bool vdk_put_source(struct str job, struct str source, struct str document, bool dense,
                    struct sbuf *out, struct err *err)
{
    struct str key, was;
    if (!find_key(job, &key, err) || (key.ptr && !find_once(key, source, &was, err)))
        return false;
    struct sbuf sources = SBUF_INIT;
    json_splice(&sources, key.ptr ? key : STR("{}"), source, document, dense);
    json_splice(out, job.ptr ? job : STR("{}"), STR(VDK_KEY), sbuf_view(&sources), dense);
    sbuf_release(&sources);
    return true;
}

static bool is_empty(struct str object)
{
    struct json_member member;
    size_t at = 0;
    return !json_next_member(object, &at, &member);
}

struct str vdk_made_for_source(struct str job)
{
    struct json_member key;
    size_t n;
    if (!job.ptr)
        return STR("job");
    return json_find_member(job, STR(VDK_KEY), &key, &n) ? STR("") : STR("key");
}

bool vdk_take_source(struct str job, struct str source, struct str made, bool dense,
                     struct sbuf *out, bool *ret_gone, struct err *err)
{
    struct sbuf without = SBUF_INIT;
    struct str key = STR_NULL;
    *ret_gone = false;
    bool ok = vdk_put_source(job, source, STR_NULL, dense, &without, err) &&
              find_key(sbuf_view(&without), &key, err);
    bool takes_key = ok && made.len && is_empty(key);
    if (ok)
        json_splice(out, sbuf_view(&without), STR(VDK_KEY), takes_key ? STR_NULL : key, dense);
    *ret_gone = takes_key && !str_is(made, "key") && is_empty(sbuf_view(out));
    sbuf_release(&without);
    return ok;
}

bool vdk_put_job(struct str job, const struct value *before, const struct value *after, bool dense,
                 struct sbuf *out, struct err *err)
{
    struct json_member member;
    const char *copied = job.ptr;
    size_t at = 0, n = value_count(before);
    if (!value_is_dict(before)) { /* null, which becomes {} */
        sbuf_cstr(out, "{}");
        return true;
    }
    if (value_count(after) != n)
        return err_set(err, ERR_REFUSED, "properties can be mended, not added or taken away");
    for (size_t i = 0; i < n && json_next_member(job, &at, &member); i++) {
        const struct value_pair *was = &before->dict.pairs[i], *is = &after->dict.pairs[i];
        if (!value_equal(was->key, is->key)) {
            sbuf_add(out, copied, (size_t)(member.key.ptr - copied));
            json_quote(out, is->key->text);
            copied = member.key.ptr + member.key.len;
        }
        if (value_equal(was->val, is->val))
            continue;
        sbuf_add(out, copied, (size_t)(member.value.ptr - copied));
        if (!json_write(out, is->val, dense ? JSON_UTF8 : JSON_PYTHON, err))
            return false;
        copied = member.value.ptr + member.value.len;
    }
    sbuf_add(out, copied, (size_t)(job.ptr + job.len - copied));
    return true;
}

/* --- documents -------------------------------------------------------------------------------- */

void vdk_source_document(struct str text, size_t limit, struct arena *a, struct document *doc)
{
    doc->absent = !text.ptr;
    doc->bytes = text.len;
    if (!text.ptr)
        return;
    if (text.len > limit) {
        doc->truncated = true;
        doc->head = str_sub(text, 0, limit);
    } else if (!json_read(a, text, &doc->root, &doc->problem)) {
        doc->head = text;
    }
}

void vdk_job_document(struct str text, struct arena *a, struct document *doc)
{
    const struct value *tree = NULL;
    doc->format = STR(VDK_JOB_FORMAT);
    doc->absent = !text.ptr;
    doc->bytes = text.len;
    if (!text.ptr)
        return;
    if (json_read(a, text, &tree, &doc->problem) || json_read_input(a, text, &tree, NULL))
        doc->root = vdk_job_root(a, tree);
}

/* --- ids -------------------------------------------------------------------------------------- */

struct str vdk_id_of_job(struct arena *a, struct str job)
{
    struct sbuf out = SBUF_INIT;
    for (size_t i = 0; i < job.len; i++) {
        if (job.ptr[i] == '/' || job.ptr[i] == '%')
            sbuf_printf(&out, "%%%02X", (unsigned char)job.ptr[i]);
        else
            sbuf_char(&out, job.ptr[i]);
    }
    return arena_take(a, &out);
}

struct str vdk_id_of(struct arena *a, struct str job, struct str source)
{
    struct sbuf out = SBUF_INIT;
    sbuf_str(&out, vdk_id_of_job(a, job));
    sbuf_char(&out, '/');
    sbuf_str(&out, source);
    return arena_take(a, &out);
}

bool vdk_id_parse(struct arena *a, struct str id, struct str *ret_job, struct str *ret_source)
{
    ptrdiff_t slash = str_index(id, '/');
    struct str job = slash < 0 ? id : str_sub(id, 0, (size_t)slash);
    char *name = arena_alloc(a, job.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < job.len; i++) {
        name[n] = job.ptr[i];
        if (job.ptr[i] == '%' && hex_decode(str_sub(job, i + 1, i + 3), &name[n], 1))
            i += 2;
        n++;
    }
    name[n] = '\0';
    *ret_job = (struct str){name, n};
    *ret_source = slash < 0 ? STR_NULL : arena_str(a, str_sub(id, (size_t)slash + 1, id.len));
    return n > 0 && str_eq(vdk_id_of_job(a, *ret_job), job);
}
