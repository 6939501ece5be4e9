/* Reads: the rows of one table, in all parts, become one document. */
#include "backends/postgres/etl.h"

#include "core/base/cleanup.h"
#include "core/json.h"

#include <stdlib.h>
#include <string.h>

enum { COL_LABEL = 1, COL_BYTES = 2, COL_PARTS = 3, COL_HEAD = 7, PARTS = 4 };

#define IMAGE_MAGIC "penstock-etl 1\n"

/* --- images: for each part "name length\n" and the text, or "name -\n" when it is absent ------ */

static struct str image_of(struct arena *arena, const struct str parts[PARTS])
{
    struct sbuf out = SBUF_INIT;
    sbuf_cstr(&out, IMAGE_MAGIC);
    for (int i = 0; i < PARTS; i++) {
        if (!parts[i].ptr) {
            sbuf_cstr(&out, "-\n");
            continue;
        }
        sbuf_printf(&out, "%zu\n", parts[i].len);
        sbuf_str(&out, parts[i]);
    }
    return arena_take(arena, &out);
}

bool etl_image_parts(struct str image, struct str ret[PARTS_MAX], struct err *err)
{
    struct str parts[PARTS_MAX] = {{0}};
    if (!image.ptr) { /* the record was absent */
        memcpy(ret, parts, sizeof parts);
        return true;
    }
    size_t pos = sizeof IMAGE_MAGIC - 1;
    bool ok = str_starts(image, IMAGE_MAGIC);
    for (int i = 0; ok && i < PARTS; i++) {
        struct str rest = str_sub(image, pos, image.len);
        ptrdiff_t end = str_index(rest, '\n');
        uint64_t len = 0;
        ok = end > 0;
        if (!ok)
            break;
        struct str count = str_sub(rest, 0, (size_t)end);
        pos += (size_t)end + 1;
        if (str_is(count, "-"))
            continue;
        ok = str_u64(count, &len) && len <= image.len - pos;
        parts[i] = ok ? str_sub(image, pos, pos + len) : STR_NULL;
        pos += len;
    }
    if (!ok || pos != image.len)
        return err_set(err, ERR_CORRUPT, "the stored image of the table's rows is damaged");
    memcpy(ret, parts, sizeof parts);
    return true;
}

/* --- rows to values: of 10,000 tables at once, so what they share is there once --------------- */

#define KEY(name)                                                                                  \
    {                                                                                              \
        .type = VALUE_STR, .text = { name, sizeof name - 1 }                                       \
    }
/* The columns that we know of. A state's stand first, in the order in which people read them. */
static const struct value keys[] = {
    KEY("id"),
    KEY("state"),
    KEY("metadata"),
    KEY("prev"),
    KEY("is_current"),
    KEY("created_at"),
    KEY("updated_at"),
    KEY("column_name"),
    KEY("column_type"),
    KEY("columns"),
    KEY("default_expression"),
    KEY("destination_table_id"),
    KEY("flush_lsn"),
    KEY("generated"),
    KEY("nullable"),
    KEY("ordinal_position"),
    KEY("previous_replication_mask"),
    KEY("previous_snapshot_id"),
    KEY("primary_key_deferrable"),
    KEY("primary_key_ordinal_position"),
    KEY("replication_mask"),
    KEY("schema_name"),
    KEY("schema_status"),
    KEY("snapshot_id"),
    KEY("table_name"),
    KEY("table_schema_id"),
    KEY("type_modifier"),
    KEY("worker_type"),
};
enum { METADATA = 2, STATE_KEYS = 7, KEYS = sizeof keys / sizeof keys[0] };

static size_t key_index(struct str name)
{
    size_t i = 0;
    while (i < KEYS && !str_eq(keys[i].text, name))
        i++;
    return i;
}

/* The rows of one part, as they are made. */
struct maker {
    struct arena *arena;
    struct arena scratch; /* of the tree as it was read */
    struct str text;      /* lives as long as `arena` */
};

static struct str keep_text(struct maker *m, struct str text)
{
    bool lives = text.ptr >= m->text.ptr && text.ptr <= m->text.ptr + m->text.len;
    return lives || !text.ptr ? text : arena_str(m->arena, text);
}

static const struct value *keep(struct maker *m, const struct value *v);

static struct value_pair keep_pair(struct maker *m, const struct value_pair *pair)
{
    size_t known = key_index(pair->key->text);
    return (struct value_pair){known < KEYS ? &keys[known] : keep(m, pair->key),
                               keep(m, pair->val)};
}

/* A tree that was read into the scratch arena, in the document's. */
static const struct value *keep(struct maker *m, const struct value *v)
{
    if (v->type == VALUE_LIST) {
        const struct value **items = arena_array(&m->scratch, const struct value *, v->list.n);
        for (size_t i = 0; i < v->list.n; i++)
            items[i] = keep(m, v->list.items[i]);
        return value_list(m->arena, VALUE_LIST, items, v->list.n);
    }
    if (v->type == VALUE_DICT) {
        struct value_pair *pairs = arena_array(&m->scratch, struct value_pair, v->dict.n);
        for (size_t i = 0; i < v->dict.n; i++)
            pairs[i] = keep_pair(m, &v->dict.pairs[i]);
        return value_dict(m->arena, pairs, v->dict.n);
    }
    if (v->type == VALUE_NULL)
        return &value_null;
    if (v->type == VALUE_BOOL)
        return value_bool(v->boolean);
    struct value *kept = arena_new(m->arena, struct value);
    *kept = *v;
    kept->token = keep_text(m, v->token);
    if (v->type != VALUE_FLOAT)
        kept->text = keep_text(m, v->text);
    return kept;
}

/* `metadata` comes as the text of the jsonb; in the document it is a tree. */
static const struct value *metadata_tree(struct maker *m, const struct value *text)
{
    const struct value *tree, *kept = keep(m, text);
    struct err ignored;
    return value_is_str(kept) && json_read(m->arena, kept->text, &tree, &ignored) ? tree : kept;
}

static bool is_key(struct str name)
{
    return str_is(name, "pipeline_id") || str_is(name, "table_id") ||
           str_is(name, "source_table_id");
}

/* A row of a document: the record's own id says nothing in it, and of a state columns that we do
 * not know of stand behind the others. */
static const struct value *row_value(struct maker *m, enum etl_part part, const struct value *row)
{
    struct value_pair *pairs =
        arena_array(&m->scratch, struct value_pair, STATE_KEYS + value_count(row));
    size_t n = 0;
    for (size_t i = 0; part == ETL_STATES && i < STATE_KEYS; i++) {
        const struct value *v = value_get(row, keys[i].text.ptr);
        v = !v ? &value_null : i == METADATA ? metadata_tree(m, v) : keep(m, v);
        pairs[n++] = (struct value_pair){&keys[i], v};
    }
    for (size_t i = 0; i < value_count(row); i++) {
        const struct value_pair *pair = &row->dict.pairs[i];
        bool ordered = part == ETL_STATES && key_index(pair->key->text) < STATE_KEYS;
        if (!ordered && !is_key(pair->key->text))
            pairs[n++] = keep_pair(m, pair);
    }
    return value_dict(m->arena, pairs, n);
}

static bool are_rows(const struct value *list)
{
    bool all = value_is_list(list);
    for (size_t i = 0; all && i < value_count(list); i++)
        all = value_is_dict(value_at(list, i));
    return all;
}

bool etl_part_value(struct arena *arena, enum etl_part part, struct str text,
                    const struct value **ret, struct err *err)
{
    struct maker m = {.arena = arena, .text = text};
    const struct value *list;
    bool ok = json_read(&m.scratch, text, &list, err) &&
              (are_rows(list) || err_set(err, ERR_CORRUPT, "what is kept are no rows of a table"));
    if (ok) {
        size_t n = value_count(list);
        const struct value **rows = arena_array(&m.scratch, const struct value *, n);
        for (size_t i = 0; i < n; i++)
            rows[i] = row_value(&m, part, value_at(list, i));
        *ret = value_list(arena, VALUE_LIST, rows, n);
    }
    arena_release(&m.scratch);
    return ok;
}

static int64_t newest_change(const struct value *root)
{
    CLEANUP(arena_release) struct arena scratch = ARENA_INIT;
    struct etl_table table = etl_table_read(&scratch, root);
    int64_t newest = TIME_UNKNOWN;
    for (size_t i = 0; i < table.nrows; i++) {
        if (table.rows[i].updated_us > newest)
            newest = table.rows[i].updated_us;
    }
    return newest;
}

/* Fills in what the parts' texts say. */
static bool document_fill(struct etl_store *es, struct arena *arena, const struct str texts[PARTS],
                          struct document *doc, struct err *err)
{
    struct value_pair pairs[PARTS];
    size_t n = 0;
    for (int i = 0; i < PARTS; i++) {
        if (!texts[i].ptr)
            continue;
        doc->versions[i] = version_of(texts[i]);
        const struct value *part;
        if (!etl_part_value(arena, (enum etl_part)i, texts[i], &part, err))
            return err_context(err, "%.*s", STR_ARG(doc->id));
        pairs[n++] = (struct value_pair){value_cstr(arena, es->base.info.system->parts[i]), part};
    }
    doc->absent = n == 0;
    if (doc->absent)
        return true;
    doc->root = value_dict(arena, pairs, n);
    doc->updated_at_us = newest_change(doc->root);
    struct str why = etl_why_read_only(&es->schema);
    if (why.ptr)
        err_set(&doc->problem, ERR_UNSUPPORTED, "%.*s: it is only read", STR_ARG(why));
    return true;
}

static bool document_of(struct etl_store *es, struct arena *arena, const PGresult *res, int row,
                        size_t limit, struct document *doc, struct err *err)
{
    doc->label = pg_copy(arena, res, row, COL_LABEL);
    doc->bytes = (uint64_t)pg_i64(res, row, COL_BYTES, 0);
    struct str texts[PARTS_MAX];
    bool any = false;
    for (int i = 0; i < PARTS; i++) {
        texts[i] = pg_str(res, row, COL_PARTS + i);
        any = any || texts[i].ptr;
    }
    if (doc->bytes && !any) {
        doc->truncated = true;
        struct str head = pg_copy(arena, res, row, COL_HEAD);
        doc->head = str_sub(head, 0, head.len < limit ? head.len : limit);
        err_set(&doc->problem, ERR_REFUSED, "its rows are larger than the limit");
        return true;
    }
    if (any) /* the document is made from the image's texts, which live as long as it */
        doc->image = image_of(arena, texts);
    return etl_image_parts(doc->image, texts, err) && document_fill(es, arena, texts, doc, err);
}

static struct document document_new(struct str id)
{
    return (struct document){.id = id,
                             .label = id,
                             .updated_at_us = TIME_UNKNOWN,
                             .expires_at_us = TIME_NEVER,
                             .format = STR("rows")};
}

bool etl_decode(struct store *store, struct str id, struct str image, struct arena *arena,
                struct document *ret, struct err *err)
{
    struct str texts[PARTS_MAX];
    struct document doc = document_new(id);
    doc.image = image;
    doc.bytes = image.len;
    if (!etl_image_parts(image, texts, err) ||
        !document_fill(etl_store(store), arena, texts, &doc, err))
        return false;
    *ret = doc;
    return true;
}

bool etl_read_within(struct etl_store *es, const char *sql, const struct str *ids, size_t n,
                     size_t limit, const struct call *call, struct arena *arena,
                     struct read_item *ret, struct err *err)
{
    struct str params[3];
    etl_id_arrays(arena, ids, n, &params[0], &params[1]);
    params[2] = arena_printf(arena, "%zu", limit);
    CLEANUP_PGRESULT PGresult *res = NULL;
    if (!pg_query(es->client, sql, params, 3, call, &res, err))
        return false;
    if ((size_t)PQntuples(res) != n)
        return err_set(err, ERR_INTERNAL, "asked for %zu tables, got %d", n, PQntuples(res));
    for (size_t i = 0; i < n; i++) {
        ret[i] = (struct read_item){.doc = document_new(ids[i])};
        document_of(es, arena, res, (int)i, limit, &ret[i].doc, &ret[i].err);
    }
    return true;
}

bool etl_read(struct store *store, const struct str *ids, size_t n, size_t limit,
              const struct call *call, struct arena *arena, struct read_item *ret, struct err *err)
{
    struct etl_store *es = etl_store(store);
    if (!pg_begin(es->client, PG_READ, 0, call, err))
        return false;
    bool ok = etl_read_within(es, es->sql.read, ids, n, limit, call, arena, ret, err);
    return pg_end(es->client, ok, call, err);
}
