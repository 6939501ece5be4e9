/* Whatever columns and kept rows hold, in every layout on a database: it becomes a document or says
 * why not, and what was kept of a document is read again as it was written. */
#include "tests/fuzz/fuzz.h"

#include "backends/meltano_systemdb_image.h"
#include "backends/vdk_row.h"
#include "core/json.h"
#include "core/systems/vdk/vdk.h"
#ifdef PENSTOCK_HAVE_POSTGRES
#include "backends/postgres/etl.h"
#include "core/system.h"
#endif

enum { MEMORY_LIMIT = 256 << 20 };

static struct document named(void)
{
    return (struct document){.id = STR("7/1"), .label = STR("7/1"), .expires_at_us = TIME_NEVER};
}

static void must_be_told(const struct document *doc)
{
    must(doc->absent || doc->root || doc->problem.kind != ERR_NONE);
}

static void check_vdk(struct arena *a, struct str text)
{
    struct vdk_row row = {.state = text, .updated_at = STR("2025-03-04 10:11:12")};
    struct document doc = named(), again;
    struct err err = {0};
    vdk_row_document(a, &row, &doc);
    must_be_told(&doc);
    must(vdk_row_decode(NULL, doc.id, doc.image, a, &again, &err));
    must(version_eq(&doc.versions[0], &again.versions[0]));
    if (vdk_row_decode(NULL, doc.id, text, a, &again, &err))
        must_be_told(&again);
    else
        must(err.kind != ERR_NONE);
    if (doc.root) {
        const struct value *stored = vdk_as_jsonb(a, doc.root);
        must(value_equal(stored, vdk_as_jsonb(a, stored)));
    }
}

static void check_meltano(struct arena *a, struct str text)
{
    struct systemdb_row row = {.halves = {text, STR_NULL}}, kept;
    struct systemdb_receipt receipt;
    struct document doc;
    struct err err = {0};
    struct str image = systemdb_image(a, &row);
    must(systemdb_image_read(image, &kept, &err) && str_eq(kept.halves[0], text));
    must(systemdb_decode(NULL, STR("a"), image, a, &doc, &err));
    must_be_told(&doc);
    if (systemdb_image_read(text, &kept, &err)) {
        must(systemdb_decode(NULL, STR("a"), text, a, &doc, &err));
        must_be_told(&doc);
    }
    if (systemdb_receipt_read(text, &receipt, &err) && receipt.deleted)
        systemdb_run_version(a, &receipt.run);
}

#ifdef PENSTOCK_HAVE_POSTGRES
/* The text as the rows of each part in turn, and as what a journal kept of all of them. */
static void check_etl(struct arena *a, struct str text)
{
    struct etl_store es = {.schema = {.times = true}};
    struct str parts[PARTS_MAX];
    struct document doc;
    struct err err = {0};
    es.base.info.system = &system_etl;
    for (int part = ETL_STATES; part <= ETL_DESTINATION; part++) {
        const struct value *rows;
        if (etl_part_value(a, (enum etl_part)part, text, &rows, &err)) {
            const struct value_pair pair = {value_cstr(a, system_etl.parts[part]), rows};
            struct etl_table table = etl_table_read(a, value_dict(a, &pair, 1));
            must(table.nchain <= table.nrows && table.ncurrent <= table.nrows);
        } else {
            must(err.kind != ERR_NONE);
        }
    }
    if (etl_image_parts(text, parts, &err) && etl_decode(&es.base, STR("7/1"), text, a, &doc, &err))
        must_be_told(&doc);
}
#else
static void check_etl(struct arena *a, struct str text)
{
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct arena a = {.limit = MEMORY_LIMIT};
    check_vdk(&a, text);
    check_meltano(&a, text);
    check_etl(&a, text);
    arena_release(&a);
    return 0;
}
