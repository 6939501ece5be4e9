#include "backends/meltano_systemdb_image.h"

#include <string.h>

/* --- fields: the one encoding of images and receipts ---------------------------------------- */

/* A field is a tag ('-' NULL, 't' text, 'b' blob), eight bytes of length, big endian, the bytes. */
static void field_put(struct sbuf *out, struct str s, bool is_blob)
{
    unsigned char head[9] = {s.ptr ? is_blob ? 'b' : 't' : '-'};
    for (int i = 0; i < 8; i++)
        head[1 + i] = (unsigned char)((uint64_t)s.len >> (56 - 8 * i));
    sbuf_add(out, head, sizeof head);
    if (s.len)
        sbuf_str(out, s);
}

static bool field_get(struct str *in, struct str *ret, bool *ret_blob)
{
    if (in->len < 9)
        return false;
    const unsigned char *head = (const unsigned char *)in->ptr;
    uint64_t len = 0;
    for (int i = 0; i < 8; i++)
        len = len << 8 | head[1 + i];
    if (len > in->len - 9 || (head[0] != '-' && head[0] != 't' && head[0] != 'b'))
        return false;
    *ret = head[0] == '-' ? STR_NULL : (struct str){in->ptr + 9, (size_t)len};
    if (ret_blob)
        *ret_blob = head[0] == 'b';
    in->ptr += 9 + len;
    in->len -= 9 + (size_t)len;
    return true;
}

/* Of the same length; the second for rows whose NULL is an empty half. */
static const char magic[] = "meltano systemdb row 1\n", magic_plugin[] = "meltano plug-in  row 1\n";

struct str systemdb_image(struct arena *arena, const struct systemdb_row *row)
{
    struct sbuf out = SBUF_INIT;
    sbuf_cstr(&out, row->null_is_empty ? magic_plugin : magic);
    for (int i = 0; i < SYSTEMDB_HALVES; i++)
        field_put(&out, row->halves[i], row->is_blob[i]);
    field_put(&out, row->updated_at, false);
    field_put(&out, row->place, false);
    return arena_take(arena, &out);
}

bool systemdb_image_read(struct str image, struct systemdb_row *ret, struct err *err)
{
    struct systemdb_row row = {0};
    struct str rest = str_sub(image, strlen(magic), image.len);
    row.null_is_empty = str_starts(image, magic_plugin);
    bool ok = str_starts(image, magic) || row.null_is_empty;
    for (int i = 0; i < SYSTEMDB_HALVES; i++)
        ok = ok && field_get(&rest, &row.halves[i], &row.is_blob[i]);
    ok = ok && field_get(&rest, &row.updated_at, NULL) && field_get(&rest, &row.place, NULL);
    if (!ok || rest.len)
        return err_set(err, ERR_CORRUPT, "the kept image is not one of a state row");
    *ret = row;
    return true;
}

/* --- receipts ------------------------------------------------------------------------------- */

/* What a commit did to `runs`, so that undo and redo can take it back: 'I' with the id and the
 * digest of the row it inserted, or 'D' with the whole row that it took away. A commit that died
 * left NOTE_RECEIPT with the run_id. */

static struct str run_encode(struct arena *arena, const struct systemdb_run *run)
{
    struct sbuf out = SBUF_INIT;
    for (int i = 0; i < RUN_COLUMNS; i++)
        field_put(&out, run->columns[i], false);
    return arena_take(arena, &out);
}

struct version systemdb_run_version(struct arena *arena, const struct systemdb_run *run)
{
    return version_of(run_encode(arena, run));
}

struct str systemdb_receipt_inserted(struct arena *arena, const struct systemdb_run *run)
{
    struct version digest = systemdb_run_version(arena, run);
    struct sbuf out = SBUF_INIT;
    sbuf_char(&out, 'I');
    field_put(&out, run->columns[RUN_ID], false);
    field_put(&out, (struct str){(const char *)digest.sha, sizeof digest.sha}, true);
    return arena_take(arena, &out);
}

struct str systemdb_receipt_deleted(struct arena *arena, const struct systemdb_run *run)
{
    struct str row = run_encode(arena, run);
    struct sbuf out = SBUF_INIT;
    sbuf_char(&out, 'D');
    sbuf_str(&out, row);
    return arena_take(arena, &out);
}

bool systemdb_receipt_read(struct str receipt, struct systemdb_receipt *ret, struct err *err)
{
    struct systemdb_receipt r = {.deleted = str_starts(receipt, "D")};
    struct str rest = str_sub(receipt, 1, receipt.len), digest = STR_NULL;
    if (str_starts(receipt, NOTE_RECEIPT)) {
        *ret = (struct systemdb_receipt){.note_id = rest};
        return true;
    }
    bool ok = r.deleted || str_starts(receipt, "I");
    if (r.deleted) {
        for (int i = 0; i < RUN_COLUMNS; i++)
            ok = ok && field_get(&rest, &r.run.columns[i], NULL);
    } else {
        ok = ok && field_get(&rest, &r.run.columns[RUN_ID], NULL) &&
             field_get(&rest, &digest, NULL) && digest.len == sizeof r.digest.sha;
        if (ok)
            memcpy(r.digest.sha, digest.ptr, digest.len);
    }
    if (!ok)
        return err_set(err, ERR_CORRUPT, "the kept receipt is damaged");
    *ret = r;
    return true;
}
